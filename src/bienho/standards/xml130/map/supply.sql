-- model: conformed.supply
-- key: version_id, table_name, row_no
-- grain: one supply line
-- owner: so-y-te
-- reads: standard.xml130_3, standard.xml130_dossier
-- incremental_by: version_id
-- description: Medical supplies used; a line of XML3 with a supply code, or with a supply's name and no service at all.
WITH line AS (
  SELECT
    *,
    -- The vault marker counts as a text.
    vn_said(MA_VAT_TU) AS names_supply,
    vn_said(concat(MA_DICH_VU, TEN_DICH_VU)) AS names_service,
    vn_said(TEN_VAT_TU) AS words_supply
  FROM standard.xml130_3
)
SELECT
  d.version_id,
  d.dossier_key AS encounter_key,
  d.patient_key,
  d.facility_code,
  'XML3' AS table_name,
  x.row_no,
  vn_integer(x.STT) AS line_no,
  vn_text(x.MA_VAT_TU) AS supply_code,
  vn_text(x.TEN_VAT_TU) AS supply_name,
  vn_text(x.MA_DICH_VU) AS service_code,
  vn_text(x.GOI_VTYT) AS package_code,
  vn_text(x.MA_HIEU_SP) AS product_code,
  vn_text(x.TT_THAU) AS tender,
  vn_text(x.MA_NHOM) AS cost_group_code,
  CAST(vn_integer(x.MA_NHOM) AS VARCHAR) AS cost_group,
  vn_text(x.DON_VI_TINH) AS unit,
  vn_decimal3(x.SO_LUONG) AS quantity,
  vn_text(x.MA_KHOA) AS department_code,
  vn_timestamp(x.NGAY_YL) AS ordered_at,
  vn_timestamp(x.NGAY_TH_YL) AS performed_at,
  coalesce(vn_integer(x.TAI_SU_DUNG) = 1, false) AS reused
FROM line AS x
JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
WHERE x.names_supply OR (x.words_supply AND NOT x.names_service)
