-- model: conformed.document
-- key: version_id, table_name, row_no
-- grain: one certificate or summary
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_7, standard.xml130_8, standard.xml130_10, standard.xml130_11, standard.xml130_dossier, reference.concept_map, reference.facility
-- incremental_by: version_id
-- description: Compositions given to the patient: discharge, summary of the record, antenatal rest, sick leave; their words are in the vault.
WITH visit AS (
  SELECT d.version_id, d.dossier_key, d.patient_key, d.facility_code, d.format_version,
         coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO)) AS service_date
  FROM standard.xml130_dossier AS d
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = d.version_id AND v.row_no = 1
),
certificate AS (
  SELECT version_id, 'XML7' AS table_name, row_no, 'discharge' AS type, NGAY_CT, NGAY_VAO, NGAY_RA, MA_KHOA_RV,
         SO_NGAY_NGHI AS rest_days, NGOAITRU_TUNGAY AS rest_from, NGOAITRU_DENNGAY AS rest_to,
         MA_DINH_CHI_THAI, THOIGIAN_DINHCHI, TUOI_THAI, NGUYENNHAN_DINHCHI, CHAN_DOAN_RV, PP_DIEUTRI, GHI_CHU,
         concat(MA_CHA, MA_ME, HO_TEN_CHA, HO_TEN_ME) AS parent, SO_LUU_TRU AS number
  FROM standard.xml130_7
  UNION ALL BY NAME
  SELECT version_id, 'XML8' AS table_name, row_no, 'summary' AS type, NGAY_CT, NGAY_VAO, NGAY_RA, MA_LOAI_KCB,
         KET_QUA_DTRI, NGAY_SINHCON, NGAY_CONCHET, SO_CONCHET, CHAN_DOAN_VAO, CHAN_DOAN_RV, QT_BENHLY, TOMTAT_KQ,
         PP_DIEUTRI, GHI_CHU, concat(HO_TEN_CHA, HO_TEN_ME, NGUOI_GIAM_HO) AS parent
  FROM standard.xml130_8
  UNION ALL BY NAME
  SELECT version_id, 'XML10' AS table_name, row_no, 'antenatal-rest' AS type, NGAY_CT, SO_NGAY AS rest_days,
         TU_NGAY AS rest_from, DEN_NGAY AS rest_to, CHAN_DOAN_RV, concat(SO_SERI, SO_CT) AS number
  FROM standard.xml130_10
  UNION ALL BY NAME
  SELECT version_id, 'XML11' AS table_name, row_no, 'sick-leave' AS type, NGAY_CT, MAU_SO,
         SO_NGAY_NGHI AS rest_days, TU_NGAY AS rest_from, DEN_NGAY AS rest_to, MA_DINH_CHI_THAI, TUOI_THAI,
         NGUYENNHAN_DINHCHI, CHAN_DOAN_RV, PP_DIEUTRI, concat(HO_TEN_CHA, HO_TEN_ME) AS parent,
         concat(SO_CT, SO_SERI, SO_KCB) AS number
  FROM standard.xml130_11
)
SELECT
  v.version_id,
  v.dossier_key AS encounter_key,
  v.patient_key,
  v.facility_code,
  f.canonical_code AS facility_canonical,
  x.table_name,
  x.row_no,
  x.type,
  vn_date(x.NGAY_CT) AS issued_on,
  vn_timestamp(x.NGAY_VAO) AS admitted_at,
  vn_timestamp(x.NGAY_RA) AS discharged_at,
  vn_text(x.MA_LOAI_KCB) AS visit_type_code,
  vn_text(x.MA_KHOA_RV) AS department_code,
  vn_integer(x.rest_days) AS rest_days,
  vn_date(x.rest_from) AS rest_from,
  vn_date(x.rest_to) AS rest_to,
  vn_text(x.KET_QUA_DTRI) AS result_code,
  r.target_code AS result,
  CASE vn_integer(x.MA_DINH_CHI_THAI) WHEN 1 THEN true WHEN 0 THEN false END AS pregnancy_ended,
  vn_timestamp(x.THOIGIAN_DINHCHI) AS pregnancy_ended_at,
  vn_integer(x.TUOI_THAI) AS gestation_weeks,
  vn_date(x.NGAY_SINHCON) AS child_born_on,
  vn_date(x.NGAY_CONCHET) AS child_died_on,
  vn_integer(x.SO_CONCHET) AS children_died,
  vn_text(x.MAU_SO) AS form_code,
  coalesce(x.CHAN_DOAN_VAO = '*', false) AS has_admission_diagnosis,
  coalesce(x.CHAN_DOAN_RV = '*', false) AS has_diagnosis,
  coalesce(x.QT_BENHLY = '*', false) AS has_course,
  coalesce(x.TOMTAT_KQ = '*', false) AS has_results,
  coalesce(x.PP_DIEUTRI = '*', false) AS has_treatment,
  coalesce(x.NGUYENNHAN_DINHCHI = '*', false) AS has_cause,
  coalesce(x.GHI_CHU = '*', false) AS has_note,
  coalesce(contains(x.parent, '*'), false) AS names_parent,
  v.service_date
FROM certificate AS x
JOIN visit AS v ON v.version_id = x.version_id
LEFT JOIN reference.facility AS f
  ON f.code = v.facility_code AND f.valid_from <= v.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN (SELECT * FROM reference.concept_map WHERE concept_map = 'treatment_result') AS r
  ON r.source_code = vn_text(x.KET_QUA_DTRI) AND r.format_version = v.format_version
  AND r.valid_from <= v.service_date AND coalesce(r.valid_to, DATE '9999-12-31') > v.service_date
-- The vault marker counts as a text; names and signatures alone say nothing.
WHERE vn_said(concat(x.NGAY_CT, x.NGAY_VAO, x.NGAY_RA, x.MA_KHOA_RV, x.rest_days, x.rest_from, x.rest_to,
                             x.MA_DINH_CHI_THAI, x.THOIGIAN_DINHCHI, x.TUOI_THAI, x.NGUYENNHAN_DINHCHI, x.KET_QUA_DTRI,
                             x.NGAY_SINHCON, x.NGAY_CONCHET, x.SO_CONCHET, x.CHAN_DOAN_VAO, x.CHAN_DOAN_RV,
                             x.QT_BENHLY, x.TOMTAT_KQ, x.PP_DIEUTRI, x.GHI_CHU, x.number))
