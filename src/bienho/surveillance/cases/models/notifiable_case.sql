-- model: derived.notifiable_case
-- key: patient_key, disease, episode
-- grain: one person, one notifiable disease, one episode
-- owner: cdc
-- reads: conformed.condition, conformed.encounter, reference.commune, reference.notifiable, standard.delivery, standard.superseded
-- incremental_by: partition(patient_key)
-- concerns: conformed.condition (category3, left(icd10, 5)) in reference.notifiable (code)
-- description: Visits whose diagnoses name a notifiable disease, put together to cases; all of a touched person at once.
WITH listed AS (
  SELECT disease, deadline, code, certainty, takes_over, episode_days, valid_from,
         coalesce(valid_to, DATE '9999-12-31') AS until
  FROM reference.notifiable WHERE code <> ''
),
-- Two equal joins instead of one with OR: the list is small, the diagnoses are many.
said AS (
  SELECT c.version_id, c.rank, n.disease, n.deadline, n.certainty, n.episode_days, false AS takes_over, true AS wide
  FROM conformed.condition AS c
  JOIN listed AS n ON n.code = c.category3 AND n.valid_from <= c.service_date AND n.until > c.service_date
  UNION ALL
  SELECT c.version_id, c.rank, n.disease, n.deadline, n.certainty, n.episode_days, n.takes_over, false
  FROM conformed.condition AS c
  JOIN listed AS n ON n.code = left(c.icd10, 5) AND n.valid_from <= c.service_date AND n.until > c.service_date
  WHERE length(c.icd10) >= 5
),
named AS (
  SELECT version_id, disease, deadline, certainty, episode_days
  FROM said
  -- Japanese encephalitis (A83.0) is not counted again under viral encephalitis (A83).
  QUALIFY NOT (wide AND bool_or(takes_over) OVER (PARTITION BY version_id, rank))
),
once AS (
  SELECT version_id, disease, min(deadline) AS deadline, max(episode_days) AS episode_days,
         max(CASE certainty WHEN 'confirmed' THEN 3 WHEN 'probable' THEN 2 ELSE 1 END) AS sure
  FROM named GROUP BY version_id, disease
),
-- A dossier sent again is not reported again: its first receipt counts.
earliest AS (
  SELECT dossier_key, min(version_id) AS version_id FROM standard.superseded GROUP BY dossier_key
),
visit AS (
  SELECT
    e.patient_key, o.disease, o.deadline, o.episode_days, o.sure, e.version_id,
    coalesce(CAST(e.admitted_at AS DATE), e.service_date) AS seen,
    coalesce(CAST(e.inpatient_from AS DATE),
             CASE WHEN e.encounter_class = 'IMP' THEN CAST(e.admitted_at AS DATE) END) AS admitted,
    CAST(make_timestamp(epoch_us(d.received_at)) + INTERVAL 7 HOUR AS DATE) AS reported,
    coalesce(e.result IN ('dead', 'dead-on-arrival'), false) AS dead,
    e.facility_code, e.commune_canonical, e.commune_divided, e.sex, e.age_years
  FROM once AS o
  JOIN conformed.encounter AS e ON e.version_id = o.version_id
  LEFT JOIN earliest AS s ON s.dossier_key = e.encounter_key
  JOIN standard.delivery AS d ON d.delivery_seq = least(e.version_id, coalesce(s.version_id, e.version_id)) // 1000000
  WHERE coalesce(CAST(e.admitted_at AS DATE), e.service_date) IS NOT NULL
),
parted AS (
  SELECT *, seen - lag(seen) OVER (PARTITION BY patient_key, disease ORDER BY seen, version_id) > episode_days AS anew
  FROM visit
),
numbered AS (
  SELECT *, 1 + sum(CASE WHEN anew THEN 1 ELSE 0 END)
              OVER (PARTITION BY patient_key, disease ORDER BY seen, version_id) AS episode
  FROM parted
),
placed AS (
  SELECT *, row_number() OVER (PARTITION BY patient_key, disease, episode ORDER BY seen, version_id) AS place
  FROM numbered
),
episodes AS (
  SELECT
    patient_key, disease, CAST(episode AS BIGINT) AS episode,
    max(deadline) FILTER (WHERE place = 1) AS deadline,
    max(sure) AS sure,
    min(seen) AS seen_date, min(admitted) AS admission_date, min(reported) AS report_date, max(seen) AS last_seen,
    count(*) AS encounters, bool_or(dead) AS died,
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
