-- What each finding takes of its dossier, in millionths of one. A dossier loses at most itself in a dimension: findings
-- that together weigh more share it by weight, in whole numbers whose sum is exact.
CREATE OR REPLACE TEMP TABLE score_part AS
WITH unit AS (SELECT * FROM temp.score_unit WHERE week_start >= {first}),
found AS (
  SELECT f.version_id, f.code, f.rule, f.severity, f.owner, f.table_name, f.row_no, f.field, f.finding_id AS mark
  FROM quality.finding AS f SEMI JOIN unit USING (version_id)
  UNION ALL
  SELECT version_id, unnest(lacks), NULL, 'error', NULL, NULL, NULL, NULL, '' FROM unit
  UNION ALL
  SELECT u.version_id, l.code, NULL, 'error', NULL, NULL, NULL, NULL, ''
  FROM unit AS u
  JOIN temp.score_calendar AS came ON came.day = u.day
  JOIN temp.score_calendar AS sent ON sent.day = u.first_received
  JOIN temp.score_late AS l
    ON sent.worked - came.worked > l.after AND (l.until IS NULL OR sent.worked - came.worked <= l.until)
),
placed AS (
  SELECT f.version_id, f.code, f.rule, f.severity, f.table_name, f.row_no, f.field, f.mark,
         coalesce(f.owner, c.owner, 'facility') AS owner,
         CASE WHEN l.code IS NOT NULL THEN 'song' ELSE coalesce(r.dimension, c.dimension, {otherwise}) END AS dimension,
         coalesce(l.weight, r.weight, c.weight, s.weight, 0) AS weight
  FROM found AS f
  LEFT JOIN temp.score_rule AS r ON r.rule = f.rule
  LEFT JOIN temp.score_code AS c ON c.code = f.code
  LEFT JOIN temp.score_late AS l ON l.code = f.code
  LEFT JOIN temp.score_severity AS s ON s.severity = f.severity
),
summed AS (
  SELECT *,
    CAST(sum(weight) OVER (PARTITION BY version_id, dimension) AS BIGINT) AS whole,
    CAST(sum(weight) OVER (
      PARTITION BY version_id, dimension ORDER BY code, rule, table_name, row_no, field, mark
      ROWS UNBOUNDED PRECEDING
    ) AS BIGINT) AS upto
  FROM placed WHERE weight > 0
)
SELECT
  u.facility_code, u.dataset, u.week_start, s.dimension, s.code, s.rule, s.severity, s.owner, s.version_id, u.delivery_id,
  u.dossier_key, s.table_name, s.row_no, s.field, s.mark, u.day,
  s.upto * least(s.whole, 1000) * 1000 // s.whole
    - (s.upto - s.weight) * least(s.whole, 1000) * 1000 // s.whole AS lost
FROM summed AS s JOIN unit AS u USING (version_id)
