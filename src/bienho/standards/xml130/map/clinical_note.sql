-- model: conformed.clinical_note
-- key: version_id, table_name, row_no
-- grain: one progress note
-- owner: so-y-te
-- reads: standard.xml130_5, standard.xml130_dossier
-- incremental_by: version_id
-- description: When something was noted and of what kind; the words are in the vault.
SELECT
  d.version_id,
  d.dossier_key AS encounter_key,
  d.patient_key,
  d.facility_code,
  'XML5' AS table_name,
  x.row_no,
  vn_integer(x.STT) AS line_no,
  vn_timestamp(x.THOI_DIEM_DBLS) AS noted_at,
  coalesce(x.DIEN_BIEN_LS = '*', false) AS has_progress,
  coalesce(x.GIAI_DOAN_BENH = '*', false) AS has_stage,
  coalesce(x.HOI_CHAN = '*', false) AS has_consultation,
  coalesce(x.PHAU_THUAT = '*', false) AS has_operation
FROM standard.xml130_5 AS x
JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
WHERE vn_said(concat(x.DIEN_BIEN_LS, x.GIAI_DOAN_BENH, x.HOI_CHAN, x.PHAU_THUAT, x.THOI_DIEM_DBLS))
