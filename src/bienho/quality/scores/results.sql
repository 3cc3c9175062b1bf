-- Scores: each dimension, and the whole over the dimensions that could be judged; quantiles of facilities of one kind.
CREATE OR REPLACE TEMP TABLE score_result AS
WITH lost AS (
  SELECT facility_code, dataset, week_start, dimension, sum(lost) AS lost, CAST(sum(losses) AS BIGINT) AS losses
  FROM (
    SELECT facility_code, dataset, week_start, dimension, lost, losses FROM temp.score_sum
    UNION ALL
    SELECT facility_code, dataset, week_start, dimension, lost, 1 FROM temp.score_short
  )
  GROUP BY ALL
),
judged AS (
  SELECT b.facility_code, b.dataset, b.week_start, b.dimension, d.share, b.units, coalesce(l.losses, 0) AS losses,
         (200 * coalesce(l.lost, 0) + b.units) // (2 * b.units) AS micro
  FROM temp.score_base AS b
  JOIN temp.score_dimension AS d USING (dimension)
  LEFT JOIN lost AS l USING (facility_code, dataset, week_start, dimension)
),
each AS (
  SELECT * EXCLUDE (micro), CAST(100 AS DECIMAL(9, 6)) - CAST(micro AS DECIMAL(18, 0)) * 0.000001::DECIMAL(7, 6) AS score
  FROM judged
),
whole AS (
  SELECT facility_code, dataset, week_start, 'tong' AS dimension, CAST(sum(share) AS INTEGER) AS share,
         max(units) AS units, CAST(sum(losses) AS BIGINT) AS losses,
         CAST(100 AS DECIMAL(9, 6)) - CAST((2 * sum(share * micro) + sum(share)) // (2 * sum(share)) AS DECIMAL(18, 0))
           * 0.000001::DECIMAL(7, 6) AS score
  FROM judged
  GROUP BY ALL HAVING sum(share) > 0
),
told AS (
  SELECT CAST(t.facility_code AS VARCHAR) AS facility_code, t.dataset, t.week_start, t.dimension, t.share, t.units,
         t.losses, CAST(t.score AS DECIMAL(9, 6)) AS score, v.received AS dossiers, v.expected
  FROM (FROM each UNION ALL BY NAME FROM whole) AS t
  LEFT JOIN temp.score_volume AS v USING (facility_code, dataset, week_start)
  {kept}
),
kinds AS (
  SELECT code AS facility_code, min(split_part(type, '_', 1)) AS peer_group
  FROM reference.facility
  WHERE valid_from <= {as_of} AND coalesce(valid_to, DATE '9999-12-31') > {as_of} AND type <> ''
  GROUP BY code
),
peers AS (
  SELECT k.peer_group, t.dataset, t.week_start, t.dimension, count(*) - 1 AS peers,
         quantile_disc(CAST(round(t.score) AS INTEGER), [0.25, 0.5, 0.75]) AS quarters
  FROM told AS t JOIN kinds AS k USING (facility_code)
  GROUP BY ALL HAVING count(*) > {peers_least}
)
SELECT
  t.facility_code, t.dataset, t.week_start, t.dimension, t.score, t.share, CAST(t.units AS BIGINT) AS units,
  CAST(t.losses AS BIGINT) AS losses, t.dossiers, t.expected,
  CASE WHEN t.week_start + 7 + {closed} <= {as_of} THEN 'closed' ELSE 'provisional' END AS standing,
  k.peer_group, p.peers, p.quarters[1] AS peer_low, p.quarters[2] AS peer_middle, p.quarters[3] AS peer_high,
  {name} AS formula
FROM told AS t
LEFT JOIN kinds AS k USING (facility_code)
LEFT JOIN peers AS p ON p.peer_group = k.peer_group AND p.dataset = t.dataset AND p.week_start = t.week_start
  AND p.dimension = t.dimension
