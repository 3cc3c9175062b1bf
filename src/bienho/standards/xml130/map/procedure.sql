-- model: conformed.procedure
-- key: version_id, table_name, row_no
-- grain: one service line
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_3, standard.xml130_dossier, reference.concept_map
-- incremental_by: version_id
-- description: Services, examinations and beds; a line of XML3 is a procedure unless it names a supply.
WITH visit AS (
  SELECT d.version_id, d.dossier_key, d.patient_key, d.facility_code, d.format_version,
         coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO)) AS service_date
  FROM standard.xml130_dossier AS d
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = d.version_id AND v.row_no = 1
),
line AS (
  SELECT
    *,
    CAST(vn_integer(MA_NHOM) AS VARCHAR) AS cost_group,
    -- The vault marker counts as a text.
    vn_said(MA_VAT_TU) AS names_supply,
    vn_said(concat(MA_DICH_VU, TEN_DICH_VU)) AS names_service
  FROM standard.xml130_3
)
SELECT
  v.version_id,
  v.dossier_key AS encounter_key,
  v.patient_key,
  v.facility_code,
  'XML3' AS table_name,
  x.row_no,
  vn_integer(x.STT) AS line_no,
  vn_text(x.MA_DICH_VU) AS service_code,
  vn_text(x.TEN_DICH_VU) AS service_name,
  c.target_code AS category,
  vn_text(x.MA_NHOM) AS cost_group_code,
  x.cost_group,
  vn_text(x.MA_PTTT_QT) AS icd9_codes,
  vn_text(x.MA_BENH) AS reason_codes,
  vn_text(x.DON_VI_TINH) AS unit,
  vn_decimal3(x.SO_LUONG) AS quantity,
  vn_text(x.MA_KHOA) AS department_code,
  vn_text(x.MA_GIUONG) AS bed_codes,
  vn_timestamp(x.NGAY_YL) AS ordered_at,
  vn_timestamp(x.NGAY_TH_YL) AS performed_at,
  vn_timestamp(x.NGAY_KQ) AS resulted_at,
  vn_text(x.PP_VO_CAM) AS anesthesia_code,
  vn_text(x.VI_TRI_TH_DVKT) AS body_site_code,
  vn_text(x.MA_MAY) AS machine_codes,
  vn_text(x.MA_XANG_DAU) AS fuel_code,
  coalesce(vn_integer(x.VET_THUONG_TP) = 1, false) AS recurrent_wound
FROM line AS x
JOIN visit AS v ON v.version_id = x.version_id
LEFT JOIN (SELECT * FROM reference.concept_map WHERE concept_map = 'procedure_category') AS c
  ON c.source_code = x.cost_group AND c.format_version = v.format_version AND c.valid_from <= v.service_date
  AND coalesce(c.valid_to, DATE '9999-12-31') > v.service_date
WHERE NOT x.names_supply AND x.names_service
