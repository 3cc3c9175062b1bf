-- What the vault costs a dossier, cut (ADR 4): one row of blind digests a record where there were four, 64 bits each,
-- and no index that only an erasure would use: it reads the table instead, as it rewrites that of the keys anyway.

ALTER TABLE vault.blind_index RENAME TO blind_index_before;
CREATE TABLE vault.blind_index (
    record_id        bytea  NOT NULL,
    patient_key      bytea  NOT NULL,
    personal_id      bigint NULL,
    insurance_number bigint NULL,
    phone            bigint NULL,
    name_birth       bigint NULL
);
COMMENT ON TABLE vault.blind_index IS
    'Keyed digests to find a record by, 64 bits of each; a record has as many rows as it has values of one kind';
INSERT INTO vault.blind_index
SELECT record_id, patient_key, max(digest) FILTER (WHERE kind = 1), max(digest) FILTER (WHERE kind = 2),
    max(digest) FILTER (WHERE kind = 3), max(digest) FILTER (WHERE kind = 4)
FROM (
    SELECT kind, record_id, patient_key, ('x' || encode(substr(digest, 1, 8), 'hex'))::bit(64)::bigint AS digest,
        row_number() OVER (PARTITION BY record_id, kind ORDER BY digest) AS place
    FROM vault.blind_index_before
) AS b
GROUP BY record_id, patient_key, place;
DROP TABLE vault.blind_index_before;
CREATE INDEX blind_personal_id ON vault.blind_index (personal_id) WHERE personal_id IS NOT NULL;
CREATE INDEX blind_insurance_number ON vault.blind_index (insurance_number) WHERE insurance_number IS NOT NULL;
CREATE INDEX blind_phone ON vault.blind_index (phone) WHERE phone IS NOT NULL;
CREATE INDEX blind_name_birth ON vault.blind_index (name_birth) WHERE name_birth IS NOT NULL;

-- A patient's row is never deleted and is written before the records, in the same transaction: to look it up again for
-- each of them cost as much as everything else here together.
ALTER TABLE vault.record DROP CONSTRAINT record_patient_key_fkey;
DROP INDEX vault.record_patient;

ALTER TABLE vault.blind_index OWNER TO bienho_vault;
GRANT INSERT ON vault.blind_index TO bienho_worker;
GRANT SELECT ON vault.blind_index TO bienho_governance;
