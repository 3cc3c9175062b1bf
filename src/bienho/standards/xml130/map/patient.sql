-- model: conformed.patient
-- key: version_id
-- grain: the patient as one dossier version describes them
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_dossier, reference.commune_canonical, reference.concept_map, reference.facility, reference.province, reference.value_set
-- incremental_by: version_id
-- description: Typed demographics; commune, province and facility codes canonical by (code, service date).
WITH visit AS (
  SELECT
    d.version_id,
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    vn_date(x.NGAY_SINH) AS birth_date,
    vn_precision(x.NGAY_SINH) AS birth_precision,
    vn_timestamp(x.NGAY_SINH) AS birth_moment,
    vn_text(x.GIOI_TINH) AS sex_code,
    vn_text(x.NHOM_MAU) AS blood_group,
    vn_text(x.MA_QUOCTICH) AS nationality_code,
    vn_text(x.MA_DANTOC) AS ethnic_code,
    vn_text(x.MA_NGHE_NGHIEP) AS occupation_code,
    vn_text(x.MATINH_CU_TRU) AS province_code,
    vn_text(x.MAHUYEN_CU_TRU) AS district_code,
    vn_text(x.MAXA_CU_TRU) AS commune_code,
    coalesce(vn_date(x.NGAY_RA), vn_date(x.NGAY_VAO)) AS service_date
  FROM standard.xml130_1 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  WHERE x.row_no = 1
)
SELECT
  v.version_id,
  v.encounter_key,
  v.patient_key,
  v.facility_code,
  f.canonical_code AS facility_canonical,
  v.birth_date,
  v.birth_precision,
  CASE WHEN v.birth_precision = 'minute' THEN v.birth_moment END AS birth_at,
  v.sex_code,
  s.target_code AS sex,
  v.blood_group,
  v.nationality_code,
  v.ethnic_code,
  e.code AS ethnic_canonical,
  v.occupation_code,
  -- The national list of occupations is a tree by digits; five zeros say "none yet", which is not the armed forces.
  CASE WHEN regexp_full_match(v.occupation_code, '[0-9]{2,5}') AND v.occupation_code <> '00000'
       THEN left(v.occupation_code, 1) END AS occupation_group,
  v.province_code,
  p.canonical_code AS province_canonical,
  v.commune_code,
  c.canonical_code AS commune_canonical,
  CASE WHEN v.commune_code IS NOT NULL THEN coalesce(c.basis, 'unknown') END AS commune_basis,
  coalesce(c.divided, false) AS commune_divided,
  v.district_code,
  v.service_date
FROM visit AS v
LEFT JOIN reference.facility AS f
  ON f.code = v.facility_code AND f.valid_from <= v.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN reference.commune_canonical AS c
  ON c.code = v.commune_code AND c.valid_from <= v.service_date
  AND coalesce(c.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN reference.province AS p
  ON p.code = v.province_code AND p.valid_from <= v.service_date
  AND coalesce(p.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN (SELECT * FROM reference.concept_map WHERE concept_map = 'sex') AS s
  ON s.source_code = v.sex_code AND s.format_version = v.format_version AND s.valid_from <= v.service_date
  AND coalesce(s.valid_to, DATE '9999-12-31') > v.service_date
LEFT JOIN (SELECT * FROM reference.value_set WHERE value_set = 'MA_DANTOC') AS e
  ON e.code = lpad(v.ethnic_code, greatest(2, length(v.ethnic_code))::INTEGER, '0')
  AND e.format_version = v.format_version AND e.valid_from <= v.service_date
  AND coalesce(e.valid_to, DATE '9999-12-31') > v.service_date
