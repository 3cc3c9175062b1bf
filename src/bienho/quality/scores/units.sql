-- One row per current dossier in the window: of whom, of which week, when first received, what it lacks for sharing.
-- A day that cannot be read, or lies further from the receipt than can be, gives way to the day of receipt: nobody leaves
-- a week by writing a wrong date.
CREATE OR REPLACE TEMP TABLE score_unit AS
WITH head AS (
  SELECT version_id, delivery_id, dossier_key, facility_code, document, format_version,
         DATE '1970-01-01' + CAST((epoch_ms(received_at) + 25200000) // 86400000 AS INTEGER) AS received
  FROM standard.xml130_dossier
  WHERE facility_code IS NOT NULL
),
before AS (
  SELECT s.dossier_key,
         min(DATE '1970-01-01' + CAST((epoch_ms(d.received_at) + 25200000) // 86400000 AS INTEGER)) AS received
  FROM standard.superseded AS s JOIN standard.delivery AS d ON d.delivery_seq = s.version_id // 1000000
  GROUP BY s.dossier_key
),
told AS (
  SELECT e.version_id, e.service_date, e.facility_canonical IS NOT NULL AS facility_known,
         e.commune_canonical IS NOT NULL AS commune_known, e.visit_type_name IS NOT NULL AS type_known,
         e.sex IS NOT NULL AND e.age_years IS NOT NULL AS person_known
  FROM conformed.encounter AS e
  UNION ALL
  SELECT version_id, min(service_date), bool_and(facility_canonical IS NOT NULL), true,
         bool_and(visit_type_name IS NOT NULL), bool_and(sex IS NOT NULL AND birth_date IS NOT NULL)
  FROM conformed.check_in GROUP BY version_id
  UNION ALL
  SELECT version_id, min(service_date), bool_and(facility_canonical IS NOT NULL),
         bool_and(commune_canonical IS NOT NULL), true, bool_and(birth_date IS NOT NULL)
  FROM conformed.assessment GROUP BY version_id
),
diagnosed AS (
  SELECT version_id, bool_and(well_formed AND coalesce(in_list, true)) AS known
  FROM conformed.condition WHERE rank = 1 GROUP BY version_id
),
-- The papers themselves lie in the vault; the marker in their place says that there is one.
papers AS (
  SELECT version_id, bool_or(coalesce(SO_CCCD = '*', false) OR coalesce(MA_THE_BHYT = '*', false)) AS there
  FROM (
    SELECT version_id, SO_CCCD, MA_THE_BHYT FROM standard.xml130_1
    UNION ALL SELECT version_id, SO_CCCD, MA_THE_BHYT FROM standard.xml130_0
    UNION ALL SELECT version_id, SO_CCCD, MA_THE_BHYT FROM standard.xml130_12
  )
  GROUP BY version_id
),
dated AS (
  SELECT h.*, least(h.received, b.received) AS first_received, t.* EXCLUDE (version_id), p.there, g.known AS diagnosis,
         CASE WHEN t.service_date BETWEEN least(h.received, b.received) - 400 AND h.received + 1 THEN t.service_date
              ELSE least(h.received, b.received) END AS day
  FROM head AS h
  LEFT JOIN before AS b USING (dossier_key)
  LEFT JOIN told AS t USING (version_id)
  LEFT JOIN papers AS p USING (version_id)
  LEFT JOIN diagnosed AS g USING (version_id)
)
SELECT
  d.version_id, d.delivery_id, d.dossier_key, d.facility_code,
  'xml130.' || d.document AS dataset,
  d.day, CAST(date_trunc('week', d.day) AS DATE) AS week_start, d.first_received,
  list_filter([
    CASE WHEN NOT coalesce(d.there, false) THEN 'SCORE-LINK' END,
    CASE WHEN NOT coalesce(d.person_known, false) THEN 'SCORE-PERSON' END,
    CASE WHEN v.last_day < d.day THEN 'SCORE-EDITION' END,
    CASE WHEN NOT coalesce(d.facility_known, false) THEN 'SCORE-FACILITY' END,
    CASE WHEN NOT coalesce(d.commune_known, false) THEN 'SCORE-COMMUNE' END,
    CASE WHEN NOT coalesce(d.type_known, false) THEN 'SCORE-VISIT-TYPE' END,
    CASE WHEN d.document = 'visit' AND NOT coalesce(d.diagnosis, false) THEN 'SCORE-DIAGNOSIS' END
  ], lambda lack: lack IS NOT NULL) AS lacks
FROM dated AS d LEFT JOIN temp.score_edition AS v USING (format_version)
WHERE d.day >= {window}
