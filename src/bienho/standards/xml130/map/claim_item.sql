-- model: conformed.claim_item
-- key: version_id, table_name, row_no
-- grain: one money line
-- owner: so-y-te
-- reads: standard.xml130_2, standard.xml130_3, standard.xml130_dossier
-- incremental_by: version_id
-- description: The money of every line of XML2 and XML3, also of lines that name nothing; đồng.
WITH line AS (
  SELECT
    version_id, 'XML2' AS table_name, row_no,
    -- The vault marker counts as a text, as in the models of the clinical lines.
    CASE WHEN vn_said(concat(MA_THUOC, TEN_THUOC))
         THEN 'medication' ELSE 'unmapped' END AS kind,
    MA_NHOM, PHAM_VI, MA_PTTT, SO_LUONG, DON_GIA AS unit_price_hospital, NULL AS unit_price_insured,
    NULL AS service_rate, TYLE_TT_BH, MUC_HUONG, THANH_TIEN_BV, THANH_TIEN_BH, NULL AS package_ceiling,
    T_NGUONKHAC_NSNN, T_NGUONKHAC_VTNN, T_NGUONKHAC_VTTN, T_NGUONKHAC_CL, T_NGUONKHAC, T_BNTT, T_BNCCT, T_BHTT,
    NGAY_YL
  FROM standard.xml130_2
  UNION ALL
  SELECT
    version_id, 'XML3', row_no,
    CASE WHEN vn_said(MA_VAT_TU) THEN 'supply'
         WHEN vn_said(concat(MA_DICH_VU, TEN_DICH_VU)) THEN 'procedure'
         WHEN vn_said(TEN_VAT_TU) THEN 'supply'
         ELSE 'unmapped' END,
    MA_NHOM, PHAM_VI, MA_PTTT, SO_LUONG, DON_GIA_BV, DON_GIA_BH,
    TYLE_TT_DV, TYLE_TT_BH, MUC_HUONG, THANH_TIEN_BV, THANH_TIEN_BH, T_TRANTT,
    T_NGUONKHAC_NSNN, T_NGUONKHAC_VTNN, T_NGUONKHAC_VTTN, T_NGUONKHAC_CL, T_NGUONKHAC, T_BNTT, T_BNCCT, T_BHTT,
    NGAY_YL
  FROM standard.xml130_3
)
SELECT
  d.version_id,
  d.dossier_key AS encounter_key,
  d.patient_key,
  d.facility_code,
  x.table_name,
  x.row_no,
  x.kind,
  vn_text(x.MA_NHOM) AS cost_group_code,
  CAST(vn_integer(x.MA_NHOM) AS VARCHAR) AS cost_group,
  vn_text(x.PHAM_VI) AS scope_code,
  vn_text(x.MA_PTTT) AS payment_code,
  vn_decimal3(x.SO_LUONG) AS quantity,
  vn_decimal3(x.unit_price_hospital) AS unit_price_hospital,
  vn_decimal3(x.unit_price_insured) AS unit_price_insured,
  vn_rate(x.service_rate) AS service_rate,
  vn_rate(x.TYLE_TT_BH) AS insured_rate,
  vn_rate(x.MUC_HUONG) AS benefit_rate,
  vn_decimal2(x.THANH_TIEN_BV) AS amount_hospital,
  vn_decimal2(x.THANH_TIEN_BH) AS amount_insured,
  vn_decimal2(x.package_ceiling) AS package_ceiling,
  vn_decimal2(x.T_NGUONKHAC_NSNN) AS other_state,
  vn_decimal2(x.T_NGUONKHAC_VTNN) AS other_foreign,
  vn_decimal2(x.T_NGUONKHAC_VTTN) AS other_domestic,
  vn_decimal2(x.T_NGUONKHAC_CL) AS other_rest,
  vn_decimal2(x.T_NGUONKHAC) AS other_paid,
  vn_decimal2(x.T_BNTT) AS self_paid,
  vn_decimal2(x.T_BNCCT) AS copaid,
  vn_decimal2(x.T_BHTT) AS insurer_paid,
  vn_date(x.NGAY_YL) AS ordered_on
FROM line AS x
JOIN standard.xml130_dossier AS d ON d.version_id = x.version_id
