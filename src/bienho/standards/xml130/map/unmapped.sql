-- model: conformed.unmapped
-- key: version_id, table_name, row_no
-- grain: one source row that became no clinical fact
-- owner: so-y-te
-- reads: standard.xml130_0, standard.xml130_1, standard.xml130_2, standard.xml130_3, standard.xml130_4, standard.xml130_5, standard.xml130_6, standard.xml130_7, standard.xml130_8, standard.xml130_9, standard.xml130_10, standard.xml130_11, standard.xml130_12, standard.xml130_13, standard.xml130_14, standard.xml130_15, conformed.appointment, conformed.assessment, conformed.birth, conformed.check_in, conformed.clinical_note, conformed.document, conformed.encounter, conformed.hiv_care, conformed.medication_request, conformed.observation, conformed.procedure, conformed.referral, conformed.supply, conformed.tb_care
-- incremental_by: version_id
-- description: With the clinical tables this accounts for every row received: what none of them came from is here, with the reason.
WITH received AS (
  SELECT version_id, 'XML0' AS table_name, row_no, 'empty_row' AS reason FROM standard.xml130_0
  UNION ALL SELECT version_id, 'XML1', row_no, 'second_xml1' FROM standard.xml130_1
  UNION ALL SELECT version_id, 'XML2', row_no, 'no_code_no_name' FROM standard.xml130_2
  UNION ALL SELECT version_id, 'XML3', row_no, 'no_code_no_name' FROM standard.xml130_3
  UNION ALL SELECT version_id, 'XML4', row_no, 'empty_result' FROM standard.xml130_4
  UNION ALL SELECT version_id, 'XML5', row_no, 'empty_note' FROM standard.xml130_5
  UNION ALL SELECT version_id, 'XML6', row_no, 'empty_row' FROM standard.xml130_6
  UNION ALL SELECT version_id, 'XML7', row_no, 'empty_row' FROM standard.xml130_7
  UNION ALL SELECT version_id, 'XML8', row_no, 'empty_row' FROM standard.xml130_8
  UNION ALL SELECT version_id, 'XML9', row_no, 'empty_row' FROM standard.xml130_9
  UNION ALL SELECT version_id, 'XML10', row_no, 'empty_row' FROM standard.xml130_10
  UNION ALL SELECT version_id, 'XML11', row_no, 'empty_row' FROM standard.xml130_11
  UNION ALL SELECT version_id, 'XML12', row_no, 'empty_row' FROM standard.xml130_12
  UNION ALL SELECT version_id, 'XML13', row_no, 'empty_row' FROM standard.xml130_13
  UNION ALL SELECT version_id, 'XML14', row_no, 'empty_row' FROM standard.xml130_14
  UNION ALL SELECT version_id, 'XML15', row_no, 'empty_row' FROM standard.xml130_15
),
mapped AS (
  SELECT version_id, 'XML1' AS table_name, 1 AS row_no FROM conformed.encounter
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.medication_request
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.procedure
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.supply
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.observation
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.clinical_note
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.check_in
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.document
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.birth
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.assessment
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.referral
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.appointment
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.hiv_care
  UNION ALL SELECT version_id, table_name, row_no FROM conformed.tb_care
)
SELECT r.version_id, r.table_name, r.row_no, r.reason
FROM received AS r
WHERE NOT EXISTS (
  SELECT 1 FROM mapped AS m
  WHERE m.version_id = r.version_id AND m.table_name = r.table_name AND m.row_no = r.row_no
)
