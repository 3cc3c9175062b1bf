-- Every row that costs points, with the points it costs its dimension and the whole. Points are differences of rounded
-- running sums: however many rows, their sum is the loss itself, to the last digit.
CREATE OR REPLACE TEMP TABLE score_loss AS
WITH every AS (
  FROM temp.score_part UNION ALL BY NAME FROM temp.score_loose WHERE lost > 0 UNION ALL BY NAME FROM temp.score_short
),
placed AS (
  SELECT e.*, d.position, d.share, b.units,
    sum(e.lost) OVER (
      PARTITION BY e.facility_code, e.dataset, e.week_start, e.dimension
      ORDER BY e.code, e.rule, e.version_id, e.table_name, e.row_no, e.field, e.mark, e.day ROWS UNBOUNDED PRECEDING
    ) AS upto
  FROM every AS e
  JOIN temp.score_dimension AS d USING (dimension)
  JOIN temp.score_base AS b USING (facility_code, dataset, week_start, dimension)
),
priced AS (
  SELECT *,
    (200 * upto + units) // (2 * units) - (200 * (upto - lost) + units) // (2 * units) AS micro,
    row_number() OVER (
      PARTITION BY facility_code, dataset, week_start
      ORDER BY position, code, rule, version_id, table_name, row_no, field, mark, day
    ) AS loss_no
  FROM placed
),
weighed AS (
  SELECT *,
    share * micro AS part,
    sum(share * micro) OVER (
      PARTITION BY facility_code, dataset, week_start ORDER BY loss_no ROWS UNBOUNDED PRECEDING
    ) AS upto_whole
  FROM priced
),
shares AS (
  SELECT facility_code, dataset, week_start, sum(share) AS shares
  FROM temp.score_base JOIN temp.score_dimension USING (dimension) GROUP BY ALL
)
SELECT
  facility_code, dataset, week_start, loss_no, dimension, code, rule, severity, owner, version_id, delivery_id,
  dossier_key, table_name, row_no, field, day, CAST(lost AS BIGINT) AS lost,
  CAST(micro AS DECIMAL(18, 0)) * 0.000001::DECIMAL(7, 6) AS points,
  CAST(CASE WHEN shares = 0 THEN 0 ELSE (2 * upto_whole + shares) // (2 * shares)
    - (2 * (upto_whole - part) + shares) // (2 * shares) END AS DECIMAL(18, 0)) * 0.000001::DECIMAL(7, 6) AS points_total
FROM weighed JOIN shares USING (facility_code, dataset, week_start)
