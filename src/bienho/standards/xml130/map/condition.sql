-- model: conformed.condition
-- key: version_id, table_name, row_no, rank
-- grain: one diagnosis code of one dossier version
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_dossier, reference.code_system_edition, reference.icd10, reference.icd_chapter
-- incremental_by: version_id
-- description: Main diagnosis at rank 1, accompanying ones after it in the order written, then traditional medicine codes.
WITH visit AS (
  SELECT
    d.version_id,
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    x.row_no,
    coalesce(vn_date(x.NGAY_RA), vn_date(x.NGAY_VAO)) AS service_date,
    list_filter(list_transform(string_split(coalesce(x.MA_BENH_CHINH, ''), ';'), lambda c: trim(c)),
                lambda c: c <> '') AS main,
    list_filter(list_transform(string_split(coalesce(x.MA_BENH_KT, ''), ';'), lambda c: trim(c)),
                lambda c: c <> '') AS accompanying,
    list_filter(list_transform(string_split(coalesce(x.MA_BENH_YHCT, ''), ';'), lambda c: trim(c)),
                lambda c: c <> '') AS traditional
  FROM standard.xml130_1 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  WHERE x.row_no = 1
),
-- Rank 1 is kept for the main diagnosis even when it is missing.
written AS (
  SELECT version_id, 'main' AS role, 0 AS before, unnest(main) AS code_received,
         generate_subscripts(main, 1) AS place FROM visit
  UNION ALL
  SELECT version_id, 'accompanying', greatest(len(main), 1), unnest(accompanying),
         generate_subscripts(accompanying, 1) FROM visit
  UNION ALL
  SELECT version_id, 'traditional', greatest(len(main), 1) + len(accompanying), unnest(traditional),
         generate_subscripts(traditional, 1) FROM visit
),
coded AS (
  SELECT
    v.version_id, v.encounter_key, v.patient_key, v.facility_code, v.row_no, v.service_date,
    w.role, w.before + w.place AS rank, w.code_received,
    CASE WHEN w.role <> 'traditional' THEN vn_icd10(w.code_received) END AS icd10,
    CASE WHEN w.role <> 'traditional' THEN vn_icd10_mark(w.code_received) END AS mark
  FROM written AS w
  JOIN visit AS v ON v.version_id = w.version_id
)
SELECT
  d.version_id,
  d.encounter_key,
  d.patient_key,
  d.facility_code,
  'XML1' AS table_name,
  d.row_no,
  d.rank,
  d.role,
  nfc_normalize(d.code_received) AS code_received,
  d.icd10,
  d.mark,
  d.icd10 IS NOT NULL AS well_formed,
  -- A code missing from a list that is not complete may still exist: then nothing is said.
  CASE WHEN d.role = 'traditional' THEN NULL WHEN i.code IS NOT NULL THEN true WHEN e.edition IS NOT NULL THEN false
       END AS in_list,
  left(d.icd10, 3) AS category3,
  h.chapter,
  d.service_date
FROM coded AS d
LEFT JOIN reference.icd10 AS i
  ON i.code = d.icd10 AND i.valid_from <= d.service_date
  AND coalesce(i.valid_to, DATE '9999-12-31') > d.service_date
LEFT JOIN (SELECT * FROM reference.code_system_edition WHERE code_system = 'icd10' AND complete) AS e
  ON e.valid_from <= d.service_date AND coalesce(e.valid_to, DATE '9999-12-31') > d.service_date
LEFT JOIN reference.icd_chapter AS h
  ON h.category_from <= left(d.icd10, 3) AND h.category_to >= left(d.icd10, 3)
  AND h.valid_from <= d.service_date AND coalesce(h.valid_to, DATE '9999-12-31') > d.service_date
