-- Texts as numbers and moments; what cannot be read is null and takes part in nothing.
create or replace temp macro money(said) as try_cast(said as decimal(18, 2));
create or replace temp macro moment(said) as try_strptime(said, '%Y%m%d%H%M');

create or replace temp table heads as
select
    v.person_no, x.facility, x.ma_lk, v.kind, p.sex, p.birth, p.died,
    x.HO_TEN as name, x.NGAY_SINH as birth_text, x.GIOI_TINH as sex_code, x.MAHUYEN_CU_TRU as district,
    x.MAXA_CU_TRU as commune, x.MA_THE_BHYT as card, x.MA_BENH_CHINH as main, x.MA_BENH_KT as others,
    x.MA_NOI_DI as came_from, x.MA_NOI_DEN as sent_to, moment(x.NGAY_VAO) as arrived, moment(x.NGAY_RA) as gone,
    money(x.T_THUOC) as drugs, money(x.T_VTYT) as supplies, money(x.T_TONGCHI_BV) as hospital,
    money(x.T_TONGCHI_BH) as insured, money(x.T_BNTT) as own, money(x.T_BNCCT) as copay, money(x.T_BHTT) as fund,
    money(x.T_NGUONKHAC) as other
from xml1 x
join visits v using (facility, ma_lk)
join people p using (person_no);

create or replace temp table lines as
select
    'xml2' as source, facility, ma_lk, STT as stt, true as drug, false as supply, null as service, null as bed,
    money(DON_GIA) as price, money(THANH_TIEN_BV) as hospital, money(THANH_TIEN_BH) as insured, money(T_BNTT) as own,
    money(T_BNCCT) as copay, money(T_BHTT) as fund, money(T_NGUONKHAC) as other,
    moment(NGAY_YL) as ordered, moment(NGAY_TH_YL) as done, null as ready
from xml2
union all
select
    'xml3', facility, ma_lk, STT, false, MA_VAT_TU is not null, MA_DICH_VU,
    case when MA_GIUONG is not null then concat_ws('/', MA_KHOA, MA_GIUONG) end,
    money(DON_GIA_BV), money(THANH_TIEN_BV), money(THANH_TIEN_BH), money(T_BNTT), money(T_BNCCT), money(T_BHTT),
    money(T_NGUONKHAC), moment(NGAY_YL), moment(NGAY_TH_YL), moment(NGAY_KQ)
from xml3;

-- The last moment anything is known of.
create or replace temp table horizon as select max(coalesce(gone, arrived)) as last from heads;

create or replace temp table diagnoses as
select person_no, facility, ma_lk, sex, upper(trim(code)) as code
from (select *, unnest(string_split(concat_ws(';', main, others), ';')) as code from heads)
where trim(code) <> '';
