-- Of how many each dimension is judged, and what the days cost that fell short.
CREATE OR REPLACE TEMP TABLE score_base AS
WITH loose AS (
  SELECT facility_code, dataset, week_start, loose AS n FROM temp.score_sum WHERE dimension = 'sach' AND loose > 0
)
SELECT facility_code, dataset, week_start, dimension, units
FROM (
  SELECT v.facility_code, v.dataset, v.week_start, d.dimension,
         CASE d.dimension
           WHEN 'du' THEN greatest(v.received, CASE WHEN v.judged THEN v.expected ELSE 0 END)
           WHEN 'sach' THEN v.received + coalesce(l.n, 0)
           ELSE v.received END AS units
  FROM temp.score_volume AS v
  CROSS JOIN temp.score_dimension AS d
  LEFT JOIN loose AS l USING (facility_code, dataset, week_start)
  UNION ALL
  -- a facility of which nothing but what was set aside has ever come
  SELECT facility_code, dataset, week_start, 'sach', n
  FROM loose
  ANTI JOIN temp.score_volume USING (facility_code, dataset, week_start)
)
WHERE units > 0;

CREATE OR REPLACE TEMP TABLE score_short AS
WITH short AS (
  SELECT facility_code, dataset, week_start, missing, unnest(days, recursive := true)
  FROM temp.score_volume WHERE missing > 0
),
summed AS (
  SELECT *,
    CAST(sum(short) OVER (PARTITION BY facility_code, dataset, week_start) AS BIGINT) AS whole,
    CAST(sum(short) OVER (
      PARTITION BY facility_code, dataset, week_start ORDER BY day ROWS UNBOUNDED PRECEDING
    ) AS BIGINT) AS upto
  FROM short WHERE short > 0
)
SELECT facility_code, dataset, week_start, 'du' AS dimension, {volume_code} AS code, CAST(NULL AS INTEGER) AS rule,
       'error' AS severity, 'facility' AS owner, CAST(NULL AS BIGINT) AS version_id, CAST(NULL AS VARCHAR) AS delivery_id,
       CAST(NULL AS VARCHAR) AS dossier_key, CAST(NULL AS VARCHAR) AS table_name, CAST(NULL AS INTEGER) AS row_no,
       CAST(NULL AS VARCHAR) AS field, '' AS mark, day,
       CAST(upto * missing * 1000000 // whole - (upto - short) * missing * 1000000 // whole AS BIGINT) AS lost
FROM summed
