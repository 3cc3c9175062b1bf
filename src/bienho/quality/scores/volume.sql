-- How many dossiers were to be expected each day, from the same days of the facility's own weeks before, and by how many
-- the week stays below what chance explains. Medians throughout: one odd week moves nothing.
CREATE OR REPLACE TEMP TABLE score_volume AS
WITH counted AS (SELECT facility_code, dataset, day, n FROM temp.score_day WHERE n > 0),
since AS (
  SELECT facility_code, dataset, CAST(date_trunc('week', min(day)) AS DATE) AS first_week FROM counted GROUP BY ALL
),
dense AS (
  SELECT s.facility_code, s.dataset, c.day, c.week_start, c.kind, coalesce(n.n, 0) AS n
  FROM since AS s
  JOIN temp.score_calendar AS c ON c.week_start >= s.first_week AND c.week_start <= {last}
  LEFT JOIN counted AS n ON n.facility_code = s.facility_code AND n.dataset = s.dataset AND n.day = c.day
),
week AS (SELECT facility_code, dataset, week_start, sum(n) AS n FROM dense GROUP BY ALL),
target AS (SELECT facility_code, dataset, week_start, n FROM week WHERE week_start >= {first}),
usual AS (
  SELECT t.facility_code, t.dataset, t.week_start, d.kind, quantile_disc(d.n, 0.5) AS n
  FROM target AS t
  JOIN dense AS d ON d.facility_code = t.facility_code AND d.dataset = t.dataset
    AND d.week_start < t.week_start AND d.week_start >= t.week_start - {history}
  GROUP BY ALL
),
past AS (
  SELECT t.facility_code, t.dataset, t.week_start, count(*) AS weeks, quantile_disc(w.n, 0.5) AS middle
  FROM target AS t
  JOIN week AS w ON w.facility_code = t.facility_code AND w.dataset = t.dataset
    AND w.week_start < t.week_start AND w.week_start >= t.week_start - {history}
  GROUP BY ALL
),
spread AS (
  SELECT p.facility_code, p.dataset, p.week_start, p.weeks, quantile_disc(abs(w.n - p.middle), 0.5) AS deviation
  FROM past AS p
  JOIN week AS w ON w.facility_code = p.facility_code AND w.dataset = p.dataset
    AND w.week_start < p.week_start AND w.week_start >= p.week_start - {history}
  GROUP BY ALL
),
daily AS (
  SELECT d.facility_code, d.dataset, d.week_start, d.day, CAST(d.n AS BIGINT) AS received,
         CAST(coalesce(u.n, 0) AS BIGINT) AS expected
  FROM dense AS d
  LEFT JOIN usual AS u ON u.facility_code = d.facility_code AND u.dataset = d.dataset
    AND u.week_start = d.week_start AND u.kind = d.kind
  WHERE d.week_start >= {first}
),
weekly AS (
  SELECT facility_code, dataset, week_start, sum(received) AS received, sum(expected) AS expected FROM daily GROUP BY ALL
)
SELECT
  w.facility_code, w.dataset, w.week_start, CAST(w.received AS BIGINT) AS received,
  coalesce(s.weeks, 0) >= {least_weeks} AND w.week_start + 7 + {closed} <= {as_of} AS judged,
  CASE WHEN coalesce(s.weeks, 0) >= {least_weeks} THEN CAST(w.expected AS BIGINT) END AS expected,
  CASE WHEN judged THEN CAST(greatest(0, w.expected - w.received
    - greatest((w.expected * {tolerance} + 99) // 100, {deviations} * 1483 * s.deviation // 1000)) AS BIGINT)
    ELSE 0 END AS missing,
  d.days
FROM weekly AS w
LEFT JOIN spread AS s USING (facility_code, dataset, week_start)
JOIN (
  SELECT facility_code, dataset, week_start,
         list({{'day': day, 'short': greatest(0, expected - received)}} ORDER BY day) AS days
  FROM daily GROUP BY ALL
) AS d USING (facility_code, dataset, week_start)
