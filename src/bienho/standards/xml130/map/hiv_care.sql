-- model: conformed.hiv_care
-- key: version_id, table_name, row_no
-- grain: one row of HIV/AIDS care
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_6, standard.xml130_dossier, reference.facility, reference.value_set
-- incremental_by: version_id
-- description: An episode of HIV care: confirmation, regimen, viral load, tuberculosis, pregnancy. A row says by itself that someone is in care.
WITH care AS (
  SELECT
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO)) AS service_date,
    x.*
  FROM standard.xml130_6 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = x.version_id AND v.row_no = 1
),
coded AS (
  SELECT version_id, row_no, format_version, service_date, unnest([
    {'field': 'MA_BAC_PHAC_DO_BD', 'codes': 'MA_BAC_PHAC_DO', 'code': vn_text(MA_BAC_PHAC_DO_BD)},
    {'field': 'MA_LYDO_DTRI', 'codes': 'MA_LYDO_DTRI', 'code': vn_text(MA_LYDO_DTRI)},
    {'field': 'LOAI_DTRI_LAO', 'codes': 'LOAI_DTRI_LAO', 'code': vn_text(LOAI_DTRI_LAO)},
    {'field': 'SANG_LOC_LAO', 'codes': 'SANG_LOC_LAO', 'code': vn_text(SANG_LOC_LAO)},
    {'field': 'KQ_DTRI_LAO', 'codes': 'KQ_DTRI_LAO', 'code': vn_text(KQ_DTRI_LAO)},
    {'field': 'MA_LYDO_XNTL_VR', 'codes': 'MA_LYDO_XNTL_VR', 'code': vn_text(MA_LYDO_XNTL_VR)},
    {'field': 'KQ_XNTL_VR', 'codes': 'KQ_XNTL_VR', 'code': vn_text(KQ_XNTL_VR)},
    {'field': 'MA_LOAI_BN', 'codes': 'MA_LOAI_BN', 'code': vn_text(MA_LOAI_BN)},
    {'field': 'GIAI_DOAN_LAM_SANG', 'codes': 'GIAI_DOAN_LAM_SANG', 'code': vn_text(GIAI_DOAN_LAM_SANG)},
    {'field': 'LAN_XN_PCR', 'codes': 'LAN_XN_PCR', 'code': vn_text(LAN_XN_PCR)},
    {'field': 'MA_KQ_XN_PCR', 'codes': 'MA_KQ_XN_PCR', 'code': vn_text(MA_KQ_XN_PCR)},
    {'field': 'MA_BAC_PHAC_DO', 'codes': 'MA_BAC_PHAC_DO', 'code': vn_text(MA_BAC_PHAC_DO)},
    {'field': 'LY_DO_CHUYEN_PHAC_DO', 'codes': 'LY_DO_CHUYEN_PHAC_DO', 'code': vn_text(LY_DO_CHUYEN_PHAC_DO)}
  ]) AS one
  FROM care
),
named AS (
  SELECT k.version_id, k.row_no, map_from_entries(list((k.one.field, s.name_vi) ORDER BY k.one.field)) AS names
  FROM coded AS k
  JOIN reference.value_set AS s
    ON s.value_set = k.one.codes AND s.code = k.one.code AND s.format_version = k.format_version
    AND s.valid_from <= k.service_date AND coalesce(s.valid_to, DATE '9999-12-31') > k.service_date
  GROUP BY k.version_id, k.row_no
),
facility AS (
  SELECT code, canonical_code, valid_from, coalesce(valid_to, DATE '9999-12-31') AS until FROM reference.facility
)
SELECT
  x.version_id,
  x.encounter_key,
  x.patient_key,
  x.facility_code,
  'XML6' AS table_name,
  x.row_no,
  vn_text(x.MA_CSKCB) AS care_facility_code,
  fc.canonical_code AS care_facility_canonical,
  vn_date(x.NGAYKD_HIV) AS confirmed_on,
  vn_text(x.NOI_LAY_MAU_XN) AS sample_facility_code,
  fs.canonical_code AS sample_facility_canonical,
  vn_text(x.NOI_XN_KD) AS test_facility_code,
  ft.canonical_code AS test_facility_canonical,
  vn_text(x.NOI_BDDT_ARV) AS arv_facility_code,
  fa.canonical_code AS arv_facility_canonical,
  vn_date(x.BDDT_ARV) AS arv_started_on,
  vn_text(x.MA_PHAC_DO_DIEU_TRI_BD) AS first_regimen_code,
  vn_text(x.MA_BAC_PHAC_DO_BD) AS first_line_code,
  n.names['MA_BAC_PHAC_DO_BD'] AS first_line_name,
  vn_text(x.MA_LYDO_DTRI) AS reason_code,
  n.names['MA_LYDO_DTRI'] AS reason_name,
  vn_text(x.LOAI_DTRI_LAO) AS tb_treatment_code,
  n.names['LOAI_DTRI_LAO'] AS tb_treatment_name,
  vn_text(x.SANG_LOC_LAO) AS tb_screening_code,
  n.names['SANG_LOC_LAO'] AS tb_screening_name,
  vn_text(x.PHACDO_DTRI_LAO) AS tb_regimen_code,
  vn_date(x.NGAYBD_DTRI_LAO) AS tb_from,
  vn_date(x.NGAYKT_DTRI_LAO) AS tb_to,
  vn_text(x.KQ_DTRI_LAO) AS tb_result_code,
  n.names['KQ_DTRI_LAO'] AS tb_result_name,
  vn_text(x.MA_LYDO_XNTL_VR) AS viral_load_reason_code,
  n.names['MA_LYDO_XNTL_VR'] AS viral_load_reason_name,
  vn_date(x.NGAY_XN_TLVR) AS viral_load_sampled_on,
  vn_text(x.KQ_XNTL_VR) AS viral_load_code,
  n.names['KQ_XNTL_VR'] AS viral_load_name,
  vn_date(x.NGAY_KQ_XN_TLVR) AS viral_load_on,
  vn_text(x.MA_LOAI_BN) AS subject_code,
  n.names['MA_LOAI_BN'] AS subject_name,
  vn_text(x.GIAI_DOAN_LAM_SANG) AS stage_code,
  n.names['GIAI_DOAN_LAM_SANG'] AS stage_name,
  vn_text(x.NHOM_DOI_TUONG) AS risk_group_code,
  vn_text(x.MA_TINH_TRANG_DK) AS state_codes,
  vn_text(x.LAN_XN_PCR) AS pcr_round_code,
  n.names['LAN_XN_PCR'] AS pcr_round_name,
  vn_date(x.NGAY_XN_PCR) AS pcr_sampled_on,
  vn_date(x.NGAY_KQ_XN_PCR) AS pcr_on,
  vn_text(x.MA_KQ_XN_PCR) AS pcr_code,
  n.names['MA_KQ_XN_PCR'] AS pcr_name,
  vn_date(x.NGAY_NHAN_TT_MANG_THAI) AS pregnancy_known_on,
  vn_date(x.NGAY_BAT_DAU_DT_CTX) AS cotrimoxazole_started_on,
  vn_text(x.MA_XU_TRI) AS action_codes,
  vn_date(x.NGAY_BAT_DAU_XU_TRI) AS action_from,
  vn_date(x.NGAY_KET_THUC_XU_TRI) AS action_to,
  vn_text(x.MA_PHAC_DO_DIEU_TRI) AS regimen_code,
  vn_text(x.MA_BAC_PHAC_DO) AS line_code,
  n.names['MA_BAC_PHAC_DO'] AS line_name,
  vn_integer(x.SO_NGAY_CAP_THUOC_ARV) AS arv_days,
  vn_date(x.NGAY_CHUYEN_PHAC_DO) AS regimen_changed_on,
  vn_text(x.LY_DO_CHUYEN_PHAC_DO) AS change_reason_code,
  n.names['LY_DO_CHUYEN_PHAC_DO'] AS change_reason_name,
  x.service_date
FROM care AS x
LEFT JOIN named AS n ON n.version_id = x.version_id AND n.row_no = x.row_no
LEFT JOIN facility AS fc
  ON fc.code = vn_text(x.MA_CSKCB) AND fc.valid_from <= x.service_date AND fc.until > x.service_date
LEFT JOIN facility AS fs
  ON fs.code = vn_text(x.NOI_LAY_MAU_XN) AND fs.valid_from <= x.service_date AND fs.until > x.service_date
LEFT JOIN facility AS ft
  ON ft.code = vn_text(x.NOI_XN_KD) AND ft.valid_from <= x.service_date AND ft.until > x.service_date
LEFT JOIN facility AS fa
  ON fa.code = vn_text(x.NOI_BDDT_ARV) AND fa.valid_from <= x.service_date AND fa.until > x.service_date
-- The vault marker counts as a text; a person's papers alone are no care.
WHERE vn_said(concat(
  x.NGAYKD_HIV, x.NOI_LAY_MAU_XN, x.NOI_XN_KD, x.NOI_BDDT_ARV, x.BDDT_ARV, x.MA_PHAC_DO_DIEU_TRI_BD,
  x.MA_BAC_PHAC_DO_BD, x.MA_LYDO_DTRI, x.LOAI_DTRI_LAO, x.SANG_LOC_LAO, x.PHACDO_DTRI_LAO, x.NGAYBD_DTRI_LAO,
  x.NGAYKT_DTRI_LAO, x.KQ_DTRI_LAO, x.MA_LYDO_XNTL_VR, x.NGAY_XN_TLVR, x.KQ_XNTL_VR, x.NGAY_KQ_XN_TLVR, x.MA_LOAI_BN,
  x.GIAI_DOAN_LAM_SANG, x.NHOM_DOI_TUONG, x.MA_TINH_TRANG_DK, x.LAN_XN_PCR, x.NGAY_XN_PCR, x.NGAY_KQ_XN_PCR,
  x.MA_KQ_XN_PCR, x.NGAY_NHAN_TT_MANG_THAI, x.NGAY_BAT_DAU_DT_CTX, x.MA_XU_TRI, x.NGAY_BAT_DAU_XU_TRI,
  x.NGAY_KET_THUC_XU_TRI, x.MA_PHAC_DO_DIEU_TRI, x.MA_BAC_PHAC_DO, x.SO_NGAY_CAP_THUOC_ARV, x.NGAY_CHUYEN_PHAC_DO,
  x.LY_DO_CHUYEN_PHAC_DO))
