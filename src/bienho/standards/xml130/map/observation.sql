-- model: conformed.observation
-- key: version_id, table_name, row_no, field, ordinal
-- grain: one result or one measurement
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_4, standard.xml130_dossier
-- incremental_by: version_id
-- description: Paraclinical results of XML4 and the weights and blood group of XML1; free text stays in the vault.
WITH measured AS (
  SELECT version_id, row_no, NGAY_VAO, 'CAN_NANG' AS field, 1 AS ordinal, vn_text(CAN_NANG) AS value_text,
         '29463-7' AS loinc, 'Cân nặng' AS name, 'kg' AS unit
  FROM standard.xml130_1 WHERE row_no = 1
  UNION ALL
  SELECT version_id, row_no, NGAY_VAO, 'NHOM_MAU', 1, vn_text(NHOM_MAU), '882-1', 'Nhóm máu', NULL
  FROM standard.xml130_1 WHERE row_no = 1
  UNION ALL
  SELECT version_id, row_no, NGAY_VAO, 'CAN_NANG_CON', generate_subscripts(string_split(CAN_NANG_CON, ';'), 1),
         vn_text(unnest(string_split(CAN_NANG_CON, ';'))), '8339-4', 'Cân nặng con khi sinh', 'g'
  FROM standard.xml130_1 WHERE row_no = 1 AND CAN_NANG_CON IS NOT NULL
),
result AS (
  SELECT version_id, 'XML4' AS table_name, row_no, 'GIA_TRI' AS field, 1 AS ordinal, vn_integer(STT) AS line_no,
         'laboratory' AS category, vn_text(MA_DICH_VU) AS service_code, vn_text(MA_CHI_SO) AS code,
         NULL AS loinc, vn_text(TEN_CHI_SO) AS name, vn_text(GIA_TRI) AS value_text, vn_text(DON_VI_DO) AS unit,
         vn_timestamp(NGAY_KQ) AS observed_at,
         coalesce(MO_TA = '*', false) AS has_description, coalesce(KET_LUAN = '*', false) AS has_conclusion
  FROM standard.xml130_4
  -- The vault marker counts as a text.
  WHERE vn_said(concat(MA_DICH_VU, MA_CHI_SO, TEN_CHI_SO, GIA_TRI, MO_TA, KET_LUAN))
  UNION ALL
  SELECT version_id, 'XML1', row_no, field, ordinal, NULL, 'vital-signs', NULL, NULL, loinc, name, value_text, unit,
         vn_timestamp(NGAY_VAO), false, false
  FROM measured WHERE value_text IS NOT NULL
),
read AS (
  SELECT
    *,
    regexp_extract(replace(replace(value_text, '≤', '<='), '≥', '>='),
                   '^(<=|>=|<|>)?[ ]*([+-]?[0-9]{1,15}(\.[0-9]{1,10})?)$', ['sign', 'number']) AS parts
  FROM result
)
SELECT
  d.version_id,
  d.dossier_key AS encounter_key,
  d.patient_key,
  d.facility_code,
  x.table_name,
  x.row_no,
  x.field,
  CAST(x.ordinal AS BIGINT) AS ordinal,
  x.line_no,
  x.category,
  x.service_code,
  x.code,
  x.loinc,
  x.name,
  x.value_text,
  TRY_CAST(nullif(x.parts.number, '') AS DOUBLE) AS value_number,
  nullif(x.parts.sign, '') AS comparator,
  x.unit,
  x.observed_at,
  x.has_description,
  x.has_conclusion
FROM read AS x
JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
