-- model: derived.notifiable_case
-- key: patient_key, disease, episode
-- grain: one person, one notifiable disease, one episode
-- owner: cdc
-- reads: derived.notifiable_visit, reference.commune
-- incremental_by: partition(patient_key)
-- description: Visits for a notifiable disease, put together to cases; all of a touched person at once.
WITH parted AS (
  SELECT *, seen_date - lag(seen_date) OVER (PARTITION BY patient_key, disease ORDER BY seen_date, version_id)
            > episode_days AS anew
  FROM derived.notifiable_visit
),
numbered AS (
  SELECT *, 1 + sum(CASE WHEN anew THEN 1 ELSE 0 END)
              OVER (PARTITION BY patient_key, disease ORDER BY seen_date, version_id) AS episode
  FROM parted
),
placed AS (
  SELECT *, row_number() OVER (PARTITION BY patient_key, disease, episode ORDER BY seen_date, version_id) AS place
  FROM numbered
),
episodes AS (
  SELECT
    patient_key, disease, CAST(episode AS BIGINT) AS episode,
    max(deadline) FILTER (WHERE place = 1) AS deadline,
    max(certainty_rank) AS sure,
    min(seen_date) AS seen_date, min(admission_date) AS admission_date, min(report_date) AS report_date,
    max(seen_date) AS last_seen, count(*) AS encounters, bool_or(died) AS died,
    max(facility_code) FILTER (WHERE place = 1) AS facility_code,
    max(commune_canonical) FILTER (WHERE place = 1) AS commune_canonical,
    bool_or(commune_divided) FILTER (WHERE place = 1) AS commune_divided,
    max(sex) FILTER (WHERE place = 1) AS sex,
    max(age_years) FILTER (WHERE place = 1) AS age
  FROM placed GROUP BY patient_key, disease, episode
)
SELECT
  p.patient_key, p.disease, p.episode, p.deadline,
  CASE p.sure WHEN 3 THEN 'confirmed' WHEN 2 THEN 'probable' ELSE 'suspected' END AS certainty,
  -- XML130 has no day of onset; case forms will.
  CAST(NULL AS DATE) AS onset_date,
  p.seen_date, p.admission_date, p.report_date, p.last_seen, p.encounters, p.died, p.facility_code,
  p.commune_canonical, p.commune_divided, m.side, p.sex,
  CASE WHEN p.age < 1 THEN '0' WHEN p.age < 5 THEN '1-4' WHEN p.age < 10 THEN '5-9' WHEN p.age < 15 THEN '10-14'
       WHEN p.age < 25 THEN '15-24' WHEN p.age < 45 THEN '25-44' WHEN p.age < 65 THEN '45-64'
       WHEN p.age >= 65 THEN '65+' END AS age_group
FROM episodes AS p
LEFT JOIN (SELECT code, side FROM reference.commune WHERE valid_to IS NULL) AS m ON m.code = p.commune_canonical
