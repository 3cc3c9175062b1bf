-- model: conformed.unmapped
-- key: version_id, table_name, row_no
-- grain: one source row that became no clinical fact
-- owner: so-y-te
-- reads: standard.xml130_1, standard.xml130_2, standard.xml130_3, standard.xml130_4, standard.xml130_5
-- incremental_by: version_id
-- description: With the clinical tables this accounts for every row received; each predicate is the exact contrary of theirs.
SELECT version_id, 'XML1' AS table_name, row_no, 'second_xml1' AS reason
FROM standard.xml130_1
WHERE row_no <> 1
UNION ALL
SELECT version_id, 'XML2', row_no, 'no_code_no_name'
FROM standard.xml130_2
WHERE vn_text(replace(concat(MA_THUOC, TEN_THUOC), '*', 'x')) IS NULL
UNION ALL
SELECT version_id, 'XML3', row_no, 'no_code_no_name'
FROM standard.xml130_3
WHERE vn_text(replace(MA_VAT_TU, '*', 'x')) IS NULL AND vn_text(replace(TEN_VAT_TU, '*', 'x')) IS NULL
  AND vn_text(replace(concat(MA_DICH_VU, TEN_DICH_VU), '*', 'x')) IS NULL
UNION ALL
SELECT version_id, 'XML4', row_no, 'empty_result'
FROM standard.xml130_4
WHERE vn_text(replace(concat(MA_DICH_VU, MA_CHI_SO, TEN_CHI_SO, GIA_TRI, MO_TA, KET_LUAN), '*', 'x')) IS NULL
UNION ALL
SELECT version_id, 'XML5', row_no, 'empty_note'
FROM standard.xml130_5
WHERE vn_text(replace(concat(DIEN_BIEN_LS, GIAI_DOAN_BENH, HOI_CHAN, PHAU_THUAT, THOI_DIEM_DBLS), '*', 'x')) IS NULL
