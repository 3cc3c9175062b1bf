-- model: conformed.claim
-- key: version_id
-- grain: one encounter per dossier version
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_dossier, reference.facility
-- incremental_by: version_id
-- description: Totals of cost and who pays, as the facility declares them in XML1; đồng.
WITH visit AS (
  SELECT
    x.*,
    d.dossier_key,
    d.patient_key,
    d.facility_code,
    coalesce(vn_date(x.NGAY_RA), vn_date(x.NGAY_VAO)) AS service_date
  FROM standard.xml130_1 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  WHERE x.row_no = 1
)
SELECT
  v.version_id,
  v.dossier_key AS encounter_key,
  v.patient_key,
  v.facility_code,
  f.canonical_code AS facility_canonical,
  vn_decimal2(v.T_THUOC) AS drugs,
  vn_decimal2(v.T_VTYT) AS supplies,
  vn_decimal2(v.T_TONGCHI_BV) AS total_hospital,
  vn_decimal2(v.T_TONGCHI_BH) AS total_insured,
  vn_decimal2(v.T_BNTT) AS self_paid,
  vn_decimal2(v.T_BNCCT) AS copaid,
  vn_decimal2(v.T_BHTT) AS insurer_paid,
  vn_decimal2(v.T_NGUONKHAC) AS other_paid,
  vn_decimal2(v.T_BHTT_GDV) AS insurer_paid_fee,
  vn_timestamp(v.NGAY_TTOAN) AS settled_at,
  vn_integer(v.NAM_QT) AS settlement_year,
  vn_integer(v.THANG_QT) AS settlement_month,
  coalesce(v.MA_THE_BHYT = '*', false) AS insured,
  vn_text(v.MA_DKBD) AS registered_facility_code,
  r.canonical_code AS registered_facility_canonical,
  vn_date(string_split(v.GT_THE_TU, ';')[1]) AS card_from,
  vn_date(string_split(v.GT_THE_DEN, ';')[-1]) AS card_to,
  vn_date(v.NGAY_MIEN_CCT) AS copay_exempt_from,
  vn_date(v.NAM_NAM_LIEN_TUC) AS five_years_on,
  vn_text(v.MA_KHUVUC) AS area_code,
  v.service_date
FROM visit AS v
LEFT JOIN reference.facility AS f
  ON f.code = v.facility_code AND f.valid_from <= v.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN reference.facility AS r
  ON r.code = vn_text(split_part(v.MA_DKBD, ';', 1)) AND r.valid_from <= v.service_date
  AND coalesce(r.valid_to, DATE '9999-12-31') > v.service_date
