-- model: derived.notifiable_visit
-- key: version_id, disease
-- grain: one visit, one notifiable disease its diagnoses name
-- owner: cdc
-- reads: conformed.condition, conformed.encounter, reference.notifiable, standard.delivery, standard.superseded
-- incremental_by: partition(version_id)
-- concerns: conformed.condition (category3, left(icd10, 5)) in reference.notifiable (code)
-- description: Visits whose diagnoses name a notifiable disease: what cases are put together from, few of all visits.
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
)
SELECT
  e.version_id, o.disease, e.patient_key, o.deadline, o.episode_days, o.sure AS certainty_rank,
  coalesce(CAST(e.admitted_at AS DATE), e.service_date) AS seen_date,
  coalesce(CAST(e.inpatient_from AS DATE),
           CASE WHEN e.encounter_class = 'IMP' THEN CAST(e.admitted_at AS DATE) END) AS admission_date,
  CAST(make_timestamp(epoch_us(d.received_at)) + INTERVAL 7 HOUR AS DATE) AS report_date,
  coalesce(e.result IN ('dead', 'dead-on-arrival'), false) AS died,
  e.facility_code, e.commune_canonical, e.commune_divided, e.sex, e.age_years
FROM once AS o
JOIN conformed.encounter AS e ON e.version_id = o.version_id
LEFT JOIN earliest AS s ON s.dossier_key = e.encounter_key
JOIN standard.delivery AS d ON d.delivery_seq = least(e.version_id, coalesce(s.version_id, e.version_id)) // 1000000
WHERE coalesce(CAST(e.admitted_at AS DATE), e.service_date) IS NOT NULL
