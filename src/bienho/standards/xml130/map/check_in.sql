-- model: conformed.check_in
-- key: version_id, table_name, row_no
-- grain: one check-in
-- owner: so-y-te
-- reads: standard.xml130_0, standard.xml130_dossier, reference.concept_map, reference.facility, reference.value_set
-- incremental_by: version_id
-- description: An Encounter that has begun: who came, when, why, and the first thing ordered; its visit may follow, or never.
WITH arrival AS (
  SELECT
    d.version_id,
    d.encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    x.row_no,
    x.STT,
    vn_text(x.MA_LOAI_KCB) AS visit_type_code,
    CASE WHEN regexp_full_match(vn_text(x.MA_LOAI_KCB), '[0-9]{1,2}')
         THEN lpad(vn_text(x.MA_LOAI_KCB), 2, '0') END AS visit_type,
    vn_timestamp(x.NGAY_VAO) AS arrived_at,
    vn_timestamp(x.NGAY_VAO_NOI_TRU) AS inpatient_from,
    vn_timestamp(x.NGAY_YL) AS ordered_at,
    coalesce(vn_date(x.NGAY_VAO), vn_date(x.NGAY_YL)) AS service_date,
    vn_text(x.MA_DOITUONG_KCB) AS patient_category_code,
    vn_text(x.GIOI_TINH) AS sex_code,
    vn_date(x.NGAY_SINH) AS birth_date,
    vn_precision(x.NGAY_SINH) AS birth_precision,
    coalesce(x.MA_THE_BHYT = '*', false) AS insured,
    vn_text(x.MA_DKBD) AS registered_facility_code,
    vn_date(x.GT_THE_TU) AS card_from,
    vn_date(x.GT_THE_DEN) AS card_to,
    vn_text(x.MA_LY_DO_VNT) AS admission_reason_code,
    coalesce(x.LY_DO_VNT = '*', false) AS has_admission_reason,
    -- The vault marker counts as a text.
    CASE WHEN vn_said(concat(x.MA_DICH_VU, x.TEN_DICH_VU)) THEN 'service'
         WHEN vn_said(concat(x.MA_THUOC, x.TEN_THUOC)) THEN 'drug'
         WHEN vn_said(concat(x.MA_VAT_TU, x.TEN_VAT_TU)) THEN 'supply'
         END AS item_kind,
    [vn_text(x.MA_DICH_VU), vn_text(x.MA_THUOC), vn_text(x.MA_VAT_TU)] AS item_codes,
    [vn_text(x.TEN_DICH_VU), vn_text(x.TEN_THUOC), vn_text(x.TEN_VAT_TU)] AS item_names
  FROM standard.xml130_0 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  WHERE vn_said(concat(x.NGAY_VAO, x.NGAY_VAO_NOI_TRU, x.NGAY_YL, x.MA_LOAI_KCB, x.MA_DOITUONG_KCB,
                               x.LY_DO_VNT, x.MA_LY_DO_VNT, x.MA_DICH_VU, x.TEN_DICH_VU, x.MA_THUOC, x.TEN_THUOC,
                               x.MA_VAT_TU, x.TEN_VAT_TU))
),
placed AS (
  SELECT *, CASE item_kind WHEN 'service' THEN 1 WHEN 'drug' THEN 2 WHEN 'supply' THEN 3 END AS place FROM arrival
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
  a.version_id,
  a.encounter_key,
  a.patient_key,
  a.facility_code,
  f.canonical_code AS facility_canonical,
  'XML0' AS table_name,
  a.row_no,
  vn_integer(a.STT) AS line_no,
  a.format_version,
  CASE WHEN a.inpatient_from IS NULL THEN 'arrived' ELSE 'in-progress' END AS status,
  a.visit_type_code,
  a.visit_type,
  t.name_vi AS visit_type_name,
  k.target_code AS encounter_class,
  a.arrived_at,
  a.inpatient_from,
  a.service_date,
  CAST(date_trunc('week', a.service_date) AS DATE) AS week_start,
  a.patient_category_code,
  q.target_code AS patient_category,
  coalesce(q.target_code = 'emergency', false) AS emergency,
  a.insured,
  a.registered_facility_code,
  a.card_from,
  a.card_to,
  s.target_code AS sex,
  a.birth_date,
  a.birth_precision,
  CASE WHEN a.birth_date <= a.service_date
       THEN date_sub('year', a.birth_date, a.service_date) END AS age_years,
  a.admission_reason_code,
  a.has_admission_reason,
  a.item_kind,
  a.item_codes[a.place] AS item_code,
  a.item_names[a.place] AS item_name,
  a.ordered_at
FROM placed AS a
LEFT JOIN facility AS f
  ON f.code = a.facility_code AND f.valid_from <= a.service_date AND f.until > a.service_date
LEFT JOIN (SELECT * FROM reference.value_set WHERE value_set = 'MA_LOAI_KCB') AS t
  ON t.code = a.visit_type AND t.format_version = a.format_version AND t.valid_from <= a.service_date
  AND coalesce(t.valid_to, DATE '9999-12-31') > a.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'visit_type_to_class') AS k
  ON k.source_code = a.visit_type AND k.format_version = a.format_version
  AND k.valid_from <= a.service_date AND k.until > a.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'patient_category') AS q
  ON q.source_code = a.patient_category_code AND q.format_version = a.format_version
  AND q.valid_from <= a.service_date AND q.until > a.service_date
LEFT JOIN (SELECT * FROM concept WHERE concept_map = 'sex') AS s
  ON s.source_code = a.sex_code AND s.format_version = a.format_version
  AND s.valid_from <= a.service_date AND s.until > a.service_date
