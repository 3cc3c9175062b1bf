-- model: conformed.assessment
-- key: version_id, table_name, row_no
-- grain: one record of a medical assessment board
-- owner: so-y-te
-- reads: standard.xml130_12, standard.xml130_dossier, reference.commune_canonical, reference.facility, reference.province, reference.value_set
-- incremental_by: version_id
-- description: What a medical assessment board found: kind, loss of function, disability; words, papers and names are in the vault.
WITH held AS (
  SELECT
    d.encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    coalesce(vn_date(x.NGAY_HOP), vn_date(x.NGAY_CHUNG_TU), vn_date(x.NGAY_DE_NGHI)) AS service_date,
    vn_date(x.NGAY_SINH) AS birth_date,
    vn_text(x.MATINH_CU_TRU) AS province_code,
    vn_text(x.MAXA_CU_TRU) AS commune_code,
    x.*
  FROM standard.xml130_12 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
),
coded AS (
  SELECT version_id, row_no, format_version, service_date, unnest([
    {'field': 'CHUC_VU', 'code': vn_text(CHUC_VU)},
    {'field': 'KHAM_GIAM_DINH', 'code': vn_text(KHAM_GIAM_DINH)},
    {'field': 'DANG_KHUYETTAT', 'code': vn_text(DANG_KHUYETTAT)},
    {'field': 'MUC_DO_KHUYETTAT', 'code': vn_text(MUC_DO_KHUYETTAT)}
  ]) AS one
  FROM held
),
named AS (
  SELECT k.version_id, k.row_no, map_from_entries(list((k.one.field, s.name_vi) ORDER BY k.one.field)) AS names
  FROM coded AS k
  JOIN reference.value_set AS s
    ON s.value_set = k.one.field AND s.code = k.one.code AND s.format_version = k.format_version
    AND s.valid_from <= k.service_date AND coalesce(s.valid_to, DATE '9999-12-31') > k.service_date
  GROUP BY k.version_id, k.row_no
)
SELECT
  x.version_id,
  x.encounter_key,
  x.patient_key,
  x.facility_code,
  f.canonical_code AS facility_canonical,
  'XML12' AS table_name,
  x.row_no,
  vn_date(x.NGAY_HOP) AS held_on,
  vn_text(x.CHUC_VU) AS chair_code,
  n.names['CHUC_VU'] AS chair_name,
  vn_text(x.KHAM_GIAM_DINH) AS kind_code,
  n.names['KHAM_GIAM_DINH'] AS kind_name,
  vn_text(x.MA_DOI_TUONG) AS subject_codes,
  vn_text(x.DANG_HUONG_CHE_DO) AS benefit_codes,
  vn_rate(x.TYLE_TTCT_CU) AS injury_rate_before,
  vn_rate(x.TYLE_TTCT_MOI) AS injury_rate_new,
  vn_rate(x.TONG_TYLE_TTCT) AS injury_rate_total,
  vn_text(x.DANG_KHUYETTAT) AS disability_code,
  n.names['DANG_KHUYETTAT'] AS disability_name,
  vn_text(x.MUC_DO_KHUYETTAT) AS disability_level_code,
  n.names['MUC_DO_KHUYETTAT'] AS disability_level_name,
  vn_date(x.NGAY_CHUNG_TU) AS documents_on,
  vn_date(x.NGAY_DE_NGHI) AS requested_on,
  x.birth_date,
  vn_precision(x.NGAY_SINH) AS birth_precision,
  CASE WHEN x.birth_date <= x.service_date THEN date_sub('year', x.birth_date, x.service_date) END AS age_years,
  coalesce(x.MA_THE_BHYT = '*', false) AS insured,
  x.province_code,
  p.canonical_code AS province_canonical,
  x.commune_code,
  c.canonical_code AS commune_canonical,
  CASE WHEN x.commune_code IS NOT NULL THEN coalesce(c.basis, 'unknown') END AS commune_basis,
  coalesce(c.divided, false) AS commune_divided,
  vn_text(x.MAHUYEN_CU_TRU) AS district_code,
  coalesce(x.KET_QUA_KHAM = '*', false) AS has_result,
  coalesce(x.DE_NGHI = '*', false) AS has_request,
  coalesce(x.DUOC_XACDINH = '*', false) AS has_conclusion,
  x.service_date
FROM held AS x
LEFT JOIN named AS n ON n.version_id = x.version_id AND n.row_no = x.row_no
LEFT JOIN reference.facility AS f
  ON f.code = x.facility_code AND f.valid_from <= x.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN reference.province AS p
  ON p.code = x.province_code AND p.valid_from <= x.service_date
  AND coalesce(p.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN reference.commune_canonical AS c
  ON c.code = x.commune_code AND c.valid_from <= x.service_date
  AND coalesce(c.valid_to, DATE '9999-12-31') > x.service_date
-- The vault marker counts as a text; a person's papers alone are no assessment.
WHERE vn_said(concat(x.NGAY_HOP, x.KHAM_GIAM_DINH, x.MA_DOI_TUONG, x.DANG_HUONG_CHE_DO, x.TYLE_TTCT_CU,
                             x.TYLE_TTCT_MOI, x.TONG_TYLE_TTCT, x.DANG_KHUYETTAT, x.MUC_DO_KHUYETTAT, x.SO_BIEN_BAN,
                             x.NGAY_CHUNG_TU, x.NGAY_DE_NGHI, x.KET_QUA_KHAM, x.DE_NGHI, x.DUOC_XACDINH))
