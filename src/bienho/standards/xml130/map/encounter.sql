-- model: conformed.encounter
-- key: version_id
-- grain: one encounter per dossier version
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_dossier, reference.commune_canonical, reference.concept_map, reference.facility, reference.province, reference.value_set
-- incremental_by: version_id
-- description: One visit or stay, with class, times, outcome, referral and residence; canonical codes beside those received.
WITH visit AS (
  SELECT
    d.version_id,
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    vn_text(x.MA_LOAI_KCB) AS visit_type_code,
    CASE WHEN regexp_full_match(vn_text(x.MA_LOAI_KCB), '[0-9]{1,2}')
         THEN lpad(vn_text(x.MA_LOAI_KCB), 2, '0') END AS visit_type,
    vn_timestamp(x.NGAY_VAO) AS admitted_at,
    vn_timestamp(x.NGAY_VAO_NOI_TRU) AS inpatient_from,
    vn_timestamp(x.NGAY_RA) AS discharged_at,
    coalesce(vn_date(x.NGAY_RA), vn_date(x.NGAY_VAO)) AS service_date,
    vn_integer(x.SO_NGAY_DTRI) AS treatment_days,
    vn_text(x.MA_LOAI_RV) AS discharge_code,
    vn_text(x.KET_QUA_DTRI) AS result_code,
    vn_text(x.MA_KHOA) AS department_list,
    vn_text(x.MA_NOI_DI) AS referral_from_code,
    vn_text(x.MA_NOI_DEN) AS referral_to_code,
    vn_text(x.MA_DOITUONG_KCB) AS patient_category_code,
    -- The card number itself lies in the vault; its marker says that there is one.
    coalesce(x.MA_THE_BHYT = '*', false) AS insured,
    vn_text(x.GIOI_TINH) AS sex_code,
    vn_date(x.NGAY_SINH) AS birth_date,
    vn_precision(x.NGAY_SINH) AS birth_precision,
    vn_text(x.MA_TAI_NAN) AS injury_code,
    vn_text(x.MATINH_CU_TRU) AS province_code,
    vn_text(x.MAXA_CU_TRU) AS commune_code
  FROM standard.xml130_1 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  WHERE x.row_no = 1
),
aged AS (
  SELECT
    *,
    coalesce(CAST(admitted_at AS DATE), service_date) AS arrival_date
  FROM visit
),
facility AS (
  SELECT code, canonical_code, valid_from, coalesce(valid_to, DATE '9999-12-31') AS until FROM reference.facility
),
concept AS (
  SELECT concept_map, source_code, format_version, target_code, valid_from,
         coalesce(valid_to, DATE '9999-12-31') AS until
  FROM reference.concept_map
)
SELECT
  v.version_id,
  v.encounter_key,
  v.patient_key,
  v.facility_code,
  f.canonical_code AS facility_canonical,
  v.format_version,
  v.visit_type_code,
  v.visit_type,
  t.name_vi AS visit_type_name,
  k.target_code AS encounter_class,
  v.admitted_at,
  v.inpatient_from,
  v.discharged_at,
  v.service_date,
  CAST(date_trunc('week', v.service_date) AS DATE) AS week_start,
  CASE WHEN v.discharged_at >= v.admitted_at
       THEN date_diff('minute', v.admitted_at, v.discharged_at) END AS length_minutes,
  v.treatment_days,
  v.discharge_code,
  g.target_code AS discharge_disposition,
  v.result_code,
  r.target_code AS result,
  vn_text(split_part(v.department_list, ';', 1)) AS department_first,
  v.department_list,
  v.referral_from_code,
  rf.canonical_code AS referral_from_canonical,
  v.referral_to_code,
  rt.canonical_code AS referral_to_canonical,
  v.patient_category_code,
  q.target_code AS patient_category,
  coalesce(q.target_code = 'emergency', false) AS emergency,
  v.insured,
  s.target_code AS sex,
  CASE WHEN v.birth_date <= v.arrival_date
       THEN date_sub('year', v.birth_date, v.arrival_date) END AS age_years,
  CASE WHEN v.birth_date <= v.arrival_date AND v.birth_precision IN ('day', 'minute')
         AND date_sub('year', v.birth_date, v.arrival_date) = 0
       THEN date_diff('day', v.birth_date, v.arrival_date) END AS age_days,
  v.injury_code,
  v.province_code,
  p.canonical_code AS province_canonical,
  v.commune_code,
  c.canonical_code AS commune_canonical,
  CASE WHEN v.commune_code IS NOT NULL THEN coalesce(c.basis, 'unknown') END AS commune_basis,
  coalesce(c.divided, false) AS commune_divided
FROM aged AS v
LEFT JOIN facility AS f
  ON f.code = v.facility_code AND f.valid_from <= v.service_date AND f.until > v.service_date
LEFT JOIN facility AS rf
  ON rf.code = v.referral_from_code AND rf.valid_from <= v.service_date AND rf.until > v.service_date
LEFT JOIN facility AS rt
  ON rt.code = v.referral_to_code AND rt.valid_from <= v.service_date AND rt.until > v.service_date
LEFT JOIN reference.commune_canonical AS c
  ON c.code = v.commune_code AND c.valid_from <= v.service_date
  AND coalesce(c.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN reference.province AS p
  ON p.code = v.province_code AND p.valid_from <= v.service_date
  AND coalesce(p.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN (SELECT * FROM reference.value_set WHERE value_set = 'MA_LOAI_KCB') AS t
  -- Decision 4210 wrote the codes without the leading zero.
  ON t.code = CASE WHEN v.format_version = '4210' THEN ltrim(v.visit_type, '0') ELSE v.visit_type END
  AND t.format_version = v.format_version AND t.valid_from <= v.service_date
  AND coalesce(t.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'visit_type_to_class') AS k
  ON k.source_code = v.visit_type AND k.format_version = v.format_version
  AND k.valid_from <= v.service_date AND k.until > v.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'discharge_disposition') AS g
  ON g.source_code = v.discharge_code AND g.format_version = v.format_version
  AND g.valid_from <= v.service_date AND g.until > v.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'treatment_result') AS r
  ON r.source_code = v.result_code AND r.format_version = v.format_version
  AND r.valid_from <= v.service_date AND r.until > v.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'patient_category') AS q
  ON q.source_code = v.patient_category_code AND q.format_version = v.format_version
  AND q.valid_from <= v.service_date AND q.until > v.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'sex') AS s
  ON s.source_code = v.sex_code AND s.format_version = v.format_version
  AND s.valid_from <= v.service_date AND s.until > v.service_date
