-- Histogram of the result minus the order in minutes: nothing below zero; a result without a time of its own order is
-- held against the first order of the service.
with firsts as (select facility, ma_lk, service, min(ordered) as ordered from lines where service is not null group by all)
select 'xml4', v.person_no, x.facility, x.ma_lk, x.STT
from xml4 x
join firsts f on (x.facility, x.ma_lk, x.MA_DICH_VU) = (f.facility, f.ma_lk, f.service)
join visits v on (x.facility, x.ma_lk) = (v.facility, v.ma_lk)
where moment(x.NGAY_KQ) < f.ordered
union all
select source, person_no, facility, ma_lk, stt
from lines join visits using (facility, ma_lk) where ready < ordered
