-- model: conformed.appointment
-- key: version_id, table_name, row_no
-- grain: one re-examination slip
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_14, standard.xml130_dossier, reference.concept_map, reference.facility
-- incremental_by: version_id
-- description: An Appointment for a re-examination: when, where, for which diagnosis.
WITH slip AS (
  SELECT
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO), vn_date(x.NGAY_RA), vn_date(x.NGAY_VAO)) AS service_date,
    vn_text(x.MA_CSKCB) AS issuer_code,
    vn_text(x.MA_DOITUONG_KCB) AS patient_category_code,
    x.*
  FROM standard.xml130_14 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = x.version_id AND v.row_no = 1
)
SELECT
  x.version_id,
  x.encounter_key,
  x.patient_key,
  x.facility_code,
  'XML14' AS table_name,
  x.row_no,
  x.issuer_code,
  f.canonical_code AS issuer_canonical,
  vn_timestamp(x.NGAY_HEN_KL) AS due_at,
  vn_date(x.NGAY_HEN_KL) AS due_on,
  vn_precision(x.NGAY_HEN_KL) AS due_precision,
  date_diff('day', coalesce(vn_date(x.NGAY_RA), x.service_date), vn_date(x.NGAY_HEN_KL)) AS days_after_discharge,
  vn_date(x.NGAY_CT) AS issued_on,
  vn_timestamp(x.NGAY_VAO) AS admitted_at,
  vn_timestamp(x.NGAY_VAO_NOI_TRU) AS inpatient_from,
  vn_timestamp(x.NGAY_RA) AS discharged_at,
  x.patient_category_code,
  q.target_code AS patient_category,
  vn_text(x.MA_BENH_CHINH) AS main_code,
  vn_icd10(x.MA_BENH_CHINH) AS main_icd10,
  vn_text(x.MA_BENH_KT) AS accompanying_codes,
  vn_text(x.MA_BENH_YHCT) AS traditional_codes,
  coalesce(x.CHAN_DOAN_RV = '*', false) AS has_diagnosis,
  x.service_date
FROM slip AS x
LEFT JOIN reference.facility AS f
  ON f.code = x.issuer_code AND f.valid_from <= x.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN (SELECT * FROM reference.concept_map WHERE concept_map = 'patient_category') AS q
  ON q.source_code = x.patient_category_code AND q.format_version = x.format_version
  AND q.valid_from <= x.service_date AND coalesce(q.valid_to, DATE '9999-12-31') > x.service_date
-- The vault marker counts as a text; a person's papers alone are no appointment.
WHERE vn_said(concat(x.SO_GIAYHEN_KL, x.NGAY_HEN_KL, x.NGAY_CT, x.NGAY_VAO, x.NGAY_VAO_NOI_TRU, x.NGAY_RA,
                             x.CHAN_DOAN_RV, x.MA_BENH_CHINH, x.MA_BENH_KT, x.MA_BENH_YHCT))
