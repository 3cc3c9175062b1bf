-- What came and became no dossier, by week of receipt: set aside, or a copy of what was there.
CREATE OR REPLACE TEMP TABLE score_loose AS
WITH came AS (
  SELECT q.facility_code, 'xml130.visit' AS dataset, q.code, 'facility' AS owner, q.version_id, q.delivery_id,
         CAST(NULL AS VARCHAR) AS dossier_key, {quarantine} AS weight,
         DATE '1970-01-01' + CAST((epoch_ms(q.received_at) + 25200000) // 86400000 AS INTEGER) AS day
  FROM quality.quarantine AS q
  UNION ALL
  SELECT d.facility_code, 'xml130.' || coalesce(h.document, 'visit'), c.code, coalesce(c.owner, 'facility'), s.version_id,
         d.delivery_id, s.dossier_key, coalesce(c.weight, w.weight, 0),
         DATE '1970-01-01' + CAST((epoch_ms(d.received_at) + 25200000) // 86400000 AS INTEGER)
  FROM standard.duplicate AS s
  JOIN standard.delivery AS d ON d.delivery_seq = s.version_id // 1000000
  JOIN temp.score_code AS c ON c.code = 'IN-DUPLICATE'
  LEFT JOIN temp.score_severity AS w ON w.severity = 'error'
  LEFT JOIN standard.xml130_dossier AS h ON h.version_id = s.of_version_id
)
SELECT facility_code, dataset, CAST(date_trunc('week', day) AS DATE) AS week_start, 'sach' AS dimension, code,
       CAST(NULL AS INTEGER) AS rule, 'error' AS severity, owner, version_id, delivery_id, dossier_key,
       CAST(NULL AS VARCHAR) AS table_name, CAST(NULL AS INTEGER) AS row_no, CAST(NULL AS VARCHAR) AS field, '' AS mark,
       day, weight * 1000 AS lost
FROM came
WHERE facility_code IS NOT NULL AND day >= {first}
