-- model: conformed.person_link
-- key: version_id
-- grain: one dossier version
-- owner: so-y-te
-- reads: standard.xml130_dossier
-- incremental_by: version_id
-- description: Which person a facility's patient is; each is their own person until the person index exists. Join on version_id.
SELECT
  d.version_id,
  d.patient_key,
  d.patient_key AS person_key,
  'identity' AS basis
FROM standard.xml130_dossier AS d
