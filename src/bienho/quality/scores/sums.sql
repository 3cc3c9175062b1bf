-- What a week lost in a dimension, and how many dossiers each day had: whole numbers that can be added to and taken from,
-- which is all that scores are computed from. Rows that came and became no dossier count as `loose`.
CREATE OR REPLACE TEMP TABLE score_sum AS
SELECT facility_code, dataset, week_start, dimension, CAST(sum(lost) AS BIGINT) AS lost,
       CAST(sum(losses) AS BIGINT) AS losses, CAST(sum(loose) AS BIGINT) AS loose
FROM (
  SELECT facility_code, dataset, week_start, dimension, {sign} * lost AS lost, {sign} AS losses, 0 AS loose
  FROM temp.score_part {signed}
  UNION ALL
  SELECT facility_code, dataset, week_start, dimension, lost, CAST(lost > 0 AS INTEGER), 1 FROM temp.score_loose
)
GROUP BY ALL;

CREATE OR REPLACE TEMP TABLE score_day AS
SELECT facility_code, dataset, day, CAST(sum({sign}) AS BIGINT) AS n FROM temp.score_unit {signed} GROUP BY ALL
