-- model: conformed.tb_care
-- key: version_id, table_name, row_no
-- grain: one row of tuberculosis treatment
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_15, standard.xml130_dossier, reference.facility, reference.value_set
-- incremental_by: version_id
-- description: An episode of tuberculosis care: classification, regimen, dates and result. A row says by itself that someone is treated.
WITH care AS (
  SELECT
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO)) AS service_date,
    x.*
  FROM standard.xml130_15 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = x.version_id AND v.row_no = 1
),
coded AS (
  SELECT version_id, row_no, format_version, service_date, unnest([
    {'field': 'PHANLOAI_LAO_VITRI', 'code': vn_text(PHANLOAI_LAO_VITRI)},
    {'field': 'PHANLOAI_LAO_TS', 'code': vn_text(PHANLOAI_LAO_TS)},
    {'field': 'PHANLOAI_LAO_HIV', 'code': vn_text(PHANLOAI_LAO_HIV)},
    {'field': 'PHANLOAI_LAO_VK', 'code': vn_text(PHANLOAI_LAO_VK)},
    {'field': 'PHANLOAI_LAO_KT', 'code': vn_text(PHANLOAI_LAO_KT)},
    {'field': 'LOAI_DTRI_LAO', 'code': vn_text(LOAI_DTRI_LAO)}
  ]) AS one
  FROM care
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
  'XML15' AS table_name,
  x.row_no,
  vn_integer(x.STT) AS line_no,
  vn_text(x.MA_CSKCB) AS care_facility_code,
  f.canonical_code AS care_facility_canonical,
  vn_text(x.PHANLOAI_LAO_VITRI) AS site_code,
  n.names['PHANLOAI_LAO_VITRI'] AS site_name,
  vn_text(x.PHANLOAI_LAO_TS) AS history_code,
  n.names['PHANLOAI_LAO_TS'] AS history_name,
  vn_text(x.PHANLOAI_LAO_HIV) AS hiv_code,
  n.names['PHANLOAI_LAO_HIV'] AS hiv_name,
  vn_text(x.PHANLOAI_LAO_VK) AS bacteria_code,
  n.names['PHANLOAI_LAO_VK'] AS bacteria_name,
  vn_text(x.PHANLOAI_LAO_KT) AS resistance_code,
  n.names['PHANLOAI_LAO_KT'] AS resistance_name,
  vn_text(x.LOAI_DTRI_LAO) AS treatment_code,
  n.names['LOAI_DTRI_LAO'] AS treatment_name,
  vn_text(x.PHACDO_DTRI_LAO) AS regimen_code,
  vn_date(x.NGAYBD_DTRI_LAO) AS treated_from,
  vn_date(x.NGAYKT_DTRI_LAO) AS treated_to,
  vn_text(x.KET_QUA_DTRI_LAO) AS result_code,
  vn_date(x.NGAYKD_HIV) AS hiv_confirmed_on,
  vn_date(x.BDDT_ARV) AS arv_started_on,
  vn_date(x.NGAY_BAT_DAU_DT_CTX) AS cotrimoxazole_started_on,
  x.service_date
FROM care AS x
LEFT JOIN named AS n ON n.version_id = x.version_id AND n.row_no = x.row_no
LEFT JOIN reference.facility AS f
  ON f.code = vn_text(x.MA_CSKCB) AND f.valid_from <= x.service_date
  AND coalesce(f.valid_to, DATE '9999-12-31') > x.service_date
-- The vault marker counts as a text; a person's papers alone are no treatment.
WHERE vn_said(concat(x.PHANLOAI_LAO_VITRI, x.PHANLOAI_LAO_TS, x.PHANLOAI_LAO_HIV, x.PHANLOAI_LAO_VK,
                             x.PHANLOAI_LAO_KT, x.LOAI_DTRI_LAO, x.PHACDO_DTRI_LAO, x.NGAYBD_DTRI_LAO,
                             x.NGAYKT_DTRI_LAO, x.KET_QUA_DTRI_LAO, x.NGAYKD_HIV, x.BDDT_ARV,
                             x.NGAY_BAT_DAU_DT_CTX))
