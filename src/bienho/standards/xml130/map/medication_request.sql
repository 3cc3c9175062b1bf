-- model: conformed.medication_request
-- key: version_id, table_name, row_no
-- grain: one drug line
-- owner: so-y-te
-- reads: standard.xml130_2, standard.xml130_dossier
-- incremental_by: version_id
-- description: Drugs ordered and dispensed; how to take them is free text and stays in the vault.
SELECT
  d.version_id,
  d.dossier_key AS encounter_key,
  d.patient_key,
  d.facility_code,
  'XML2' AS table_name,
  x.row_no,
  vn_integer(x.STT) AS line_no,
  vn_text(x.MA_THUOC) AS drug_code,
  vn_text(x.TEN_THUOC) AS drug_name,
  vn_text(x.HAM_LUONG) AS strength,
  vn_text(x.DANG_BAO_CHE) AS form,
  vn_text(x.DUONG_DUNG) AS route_code,
  vn_text(x.SO_DANG_KY) AS registration_number,
  vn_text(x.TT_THAU) AS tender,
  vn_text(x.MA_PP_CHEBIEN) AS processing_code,
  vn_text(x.MA_CSKCB_THUOC) AS supplied_by,
  vn_text(x.MA_NHOM) AS cost_group_code,
  CAST(vn_integer(x.MA_NHOM) AS VARCHAR) AS cost_group,
  vn_text(x.DON_VI_TINH) AS unit,
  vn_decimal3(x.SO_LUONG) AS quantity,
  vn_text(x.MA_KHOA) AS department_code,
  vn_text(x.MA_DICH_VU) AS service_code,
  vn_timestamp(x.NGAY_YL) AS ordered_at,
  vn_timestamp(x.NGAY_TH_YL) AS performed_at,
  vn_text(x.NGUON_CTRA) AS funding_code,
  coalesce(vn_integer(x.VET_THUONG_TP) = 1, false) AS recurrent_wound
FROM standard.xml130_2 AS x
JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
-- The vault marker counts as a text: the row does name its drug, out of sight.
WHERE vn_said(concat(x.MA_THUOC, x.TEN_THUOC))
