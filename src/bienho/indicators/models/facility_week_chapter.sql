-- model: derived.facility_week_chapter
-- key: facility_code, week_start, chapter
-- grain: one facility, one week, one ICD-10 chapter of the main diagnosis
-- owner: so-y-te
-- reads: conformed.claim, conformed.condition, conformed.encounter
-- incremental_by: partition(facility_code, week_start)
-- description: Encounters, distinct patients and total cost; whole partitions are recomputed, never deltas.
SELECT
  e.facility_code,
  max(e.facility_canonical) AS facility_canonical,
  e.week_start,
  coalesce(c.chapter, 'chưa phân loại') AS chapter,
  count(*) AS encounters,
  count(DISTINCT e.patient_key) AS patients,
  CAST(sum(m.total_hospital) AS DECIMAL(38, 2)) AS cost,
  count(*) FILTER (WHERE m.total_hospital IS NULL) AS encounters_without_cost
FROM conformed.encounter AS e
LEFT JOIN conformed.condition AS c ON c.version_id = e.version_id AND c.rank = 1
LEFT JOIN conformed.claim AS m ON m.version_id = e.version_id
-- Without a readable date of arrival or discharge an encounter belongs to no week; definitions name the exclusion.
WHERE e.week_start IS NOT NULL
GROUP BY e.facility_code, e.week_start, coalesce(c.chapter, 'chưa phân loại')
