-- model: conformed.referral
-- key: version_id, table_name, row_no
-- grain: one referral slip
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_13, standard.xml130_dossier, reference.concept_map, reference.facility, reference.value_set
-- incremental_by: version_id
-- description: A ServiceRequest to another facility: from where to where, why and with which diagnoses; its words are in the vault.
WITH slip AS (
  SELECT
    d.dossier_key AS encounter_key,
    d.patient_key,
    d.facility_code,
    d.format_version,
    coalesce(vn_date(v.NGAY_RA), vn_date(v.NGAY_VAO), vn_date(x.NGAY_RA), vn_date(x.NGAY_VAO)) AS service_date,
    vn_text(x.MA_CSKCB) AS issuer_code,
    vn_text(x.MA_CSKCB_DI) AS from_codes,
    vn_text(x.MA_CSKCB_DEN) AS to_code,
    vn_text(x.MA_LYDO_CT) AS reason_code,
    vn_text(x.MA_LOAI_RV) AS discharge_code,
    x.*
  FROM standard.xml130_13 AS x
  JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
  LEFT JOIN standard.xml130_1 AS v ON v.version_id = x.version_id AND v.row_no = 1
),
facility AS (
  SELECT code, canonical_code, valid_from, coalesce(valid_to, DATE '9999-12-31') AS until FROM reference.facility
)
SELECT
  x.version_id,
  x.encounter_key,
  x.patient_key,
  x.facility_code,
  'XML13' AS table_name,
  x.row_no,
  x.issuer_code,
  fi.canonical_code AS issuer_canonical,
  x.from_codes,
  ff.canonical_code AS from_canonical,
  x.to_code,
  ft.canonical_code AS to_canonical,
  x.reason_code,
  r.name_vi AS reason_name,
  x.discharge_code,
  g.target_code AS discharge_disposition,
  vn_text(x.NGAY_VAO) AS admitted_list,
  vn_timestamp(x.NGAY_VAO) AS admitted_at,
  vn_timestamp(x.NGAY_VAO_NOI_TRU) AS inpatient_from,
  vn_text(x.NGAY_RA) AS discharged_list,
  vn_timestamp(x.NGAY_RA) AS discharged_at,
  vn_text(x.MA_BENH_CHINH) AS main_code,
  vn_icd10(x.MA_BENH_CHINH) AS main_icd10,
  vn_text(x.MA_BENH_KT) AS accompanying_codes,
  vn_text(x.MA_BENH_YHCT) AS traditional_codes,
  vn_text(x.TEN_DICH_VU) AS service_names,
  vn_text(x.TEN_THUOC) AS drug_names,
  coalesce(x.DAU_HIEU_LS = '*', false) AS has_signs,
  coalesce(x.CHAN_DOAN_RV = '*', false) AS has_diagnosis,
  coalesce(x.QT_BENHLY = '*', false) AS has_course,
  coalesce(x.TOMTAT_KQ = '*', false) AS has_results,
  coalesce(x.PP_DIEUTRI = '*', false) AS has_treatment,
  coalesce(x.TINH_TRANG_CT = '*', false) AS has_condition,
  coalesce(x.HUONG_DIEU_TRI = '*', false) AS has_plan,
  coalesce(x.PHUONGTIEN_VC = '*', false) AS has_transport,
  coalesce(x.HOTEN_NGUOI_HT = '*', false) AS escorted,
  x.service_date
FROM slip AS x
LEFT JOIN facility AS fi
  ON fi.code = x.issuer_code AND fi.valid_from <= x.service_date AND fi.until > x.service_date
-- A list of several facilities is no code.
LEFT JOIN facility AS ff
  ON ff.code = x.from_codes AND ff.valid_from <= x.service_date AND ff.until > x.service_date
LEFT JOIN facility AS ft
  ON ft.code = x.to_code AND ft.valid_from <= x.service_date AND ft.until > x.service_date
LEFT JOIN (SELECT * FROM reference.value_set WHERE value_set = 'MA_LYDO_CT') AS r
  ON r.code = x.reason_code AND r.format_version = x.format_version AND r.valid_from <= x.service_date
  AND coalesce(r.valid_to, DATE '9999-12-31') > x.service_date
LEFT JOIN (SELECT * FROM reference.concept_map WHERE concept_map = 'discharge_disposition') AS g
  ON g.source_code = x.discharge_code AND g.format_version = x.format_version AND g.valid_from <= x.service_date
  AND coalesce(g.valid_to, DATE '9999-12-31') > x.service_date
-- The vault marker counts as a text; a person's papers alone refer nobody.
WHERE vn_said(concat(x.SO_HOSO, x.SO_CHUYENTUYEN, x.GIAY_CHUYEN_TUYEN, x.MA_CSKCB_DI, x.MA_CSKCB_DEN,
                             x.NGAY_VAO, x.NGAY_VAO_NOI_TRU, x.NGAY_RA, x.DAU_HIEU_LS, x.CHAN_DOAN_RV, x.QT_BENHLY,
                             x.TOMTAT_KQ, x.PP_DIEUTRI, x.MA_BENH_CHINH, x.MA_BENH_KT, x.MA_BENH_YHCT, x.TEN_DICH_VU,
                             x.TEN_THUOC, x.TINH_TRANG_CT, x.MA_LOAI_RV, x.MA_LYDO_CT, x.HUONG_DIEU_TRI,
                             x.PHUONGTIEN_VC))
