-- model: conformed.birth
-- key: version_id, table_name, row_no
-- grain: one child on a birth slip
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_9, standard.xml130_dossier, reference.commune_canonical, reference.concept_map, reference.facility, reference.province, reference.value_set
-- incremental_by: version_id
-- description: A child born, one row each for twins, with its mother or carer; names, papers and places are in the vault.
WITH slip AS (
  SELECT
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO), vn_date(x.NGAY_SINH_CON)) AS service_date,
    vn_timestamp(x.NGAY_SINH_CON) AS born_at,
    vn_date(x.NGAYSINH_NND) AS mother_birth_date,
    vn_text(x.GIOI_TINH_CON) AS sex_code,
    vn_text(x.MA_DANTOC_NND) AS mother_ethnic_code,
    vn_text(x.MATINH_CU_TRU) AS province_code,
    vn_text(x.MAXA_CU_TRU) AS commune_code,
    x.*
  FROM standard.xml130_9 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = x.version_id AND v.row_no = 1
)
SELECT
  x.version_id,
  x.encounter_key,
  x.patient_key,
  x.facility_code,
  f.canonical_code AS facility_canonical,
  'XML9' AS table_name,
  x.row_no,
  x.born_at,
  CAST(x.born_at AS DATE) AS born_on,
  x.sex_code,
  s.target_code AS sex,
  vn_text(x.CAN_NANG_CON) AS weight_text,
  vn_decimal2(x.CAN_NANG_CON) AS weight_grams,
  vn_integer(x.SO_CON) AS children_born,
  vn_integer(x.LAN_SINH) AS birth_order,
  vn_integer(x.SO_CON_SONG) AS children_alive,
  CASE vn_integer(x.SINHCON_PHAUTHUAT) WHEN 1 THEN true WHEN 0 THEN false END AS by_surgery,
  CASE vn_integer(x.SINHCON_DUOI32TUAN) WHEN 1 THEN true WHEN 0 THEN false END AS under_32_weeks,
  x.mother_birth_date,
  CASE WHEN x.mother_birth_date <= CAST(x.born_at AS DATE)
       THEN date_sub('year', x.mother_birth_date, CAST(x.born_at AS DATE)) END AS mother_age_years,
  vn_text(x.MA_QUOCTICH) AS mother_nationality_code,
  x.mother_ethnic_code,
  e.code AS mother_ethnic_canonical,
  x.province_code,
  p.canonical_code AS province_canonical,
  x.commune_code,
  c.canonical_code AS commune_canonical,
  CASE WHEN x.commune_code IS NOT NULL THEN coalesce(c.basis, 'unknown') END AS commune_basis,
  coalesce(c.divided, false) AS commune_divided,
  vn_text(x.MAHUYEN_CU_TRU) AS district_code,
  vn_date(x.NGAY_CT) AS issued_on,
  coalesce(x.HO_TEN_CON = '*', false) AS has_child_name,
  coalesce(x.HO_TEN_CHA = '*', false) AS names_father,
  coalesce(x.NOI_SINH_CON = '*', false) AS has_birth_place,
  coalesce(x.TINH_TRANG_CON = '*', false) AS has_condition,
  coalesce(x.GHI_CHU = '*', false) AS has_note,
  x.service_date
FROM slip AS x
LEFT JOIN reference.facility AS f
  ON f.code = x.facility_code AND f.valid_from <= x.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN (SELECT * FROM reference.concept_map WHERE concept_map = 'sex') AS s
  ON s.source_code = x.sex_code AND s.format_version = x.format_version AND s.valid_from <= x.service_date
  AND coalesce(s.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN (SELECT * FROM reference.value_set WHERE value_set = 'MA_DANTOC') AS e
  ON e.code = lpad(x.mother_ethnic_code, greatest(2, length(x.mother_ethnic_code))::INTEGER, '0')
  AND e.format_version = x.format_version AND e.valid_from <= x.service_date
  AND coalesce(e.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN reference.province AS p
  ON p.code = x.province_code AND p.valid_from <= x.service_date
  AND coalesce(p.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN reference.commune_canonical AS c
  ON c.code = x.commune_code AND c.valid_from <= x.service_date
  AND coalesce(c.valid_to, DATE '9999-12-31') > x.service_date
-- The vault marker counts as a text; the mother's papers alone are no birth.
WHERE vn_said(concat(x.NGAY_SINH_CON, x.GIOI_TINH_CON, x.CAN_NANG_CON, x.HO_TEN_CON, x.SO_CON, x.LAN_SINH,
                             x.SO_CON_SONG, x.SINHCON_PHAUTHUAT, x.SINHCON_DUOI32TUAN, x.NOI_SINH_CON,
                             x.TINH_TRANG_CON, x.GHI_CHU, x.NGAY_CT, x.SO, x.QUYEN_SO))
