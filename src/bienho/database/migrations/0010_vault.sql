-- The vault: every direct identifier of every dossier, sealed before it comes here (room privacy).
-- PostgreSQL sees keyed digests and ciphertext only. Rows are added and read, never changed; the one exception is
-- vault.erase, which destroys a patient's data key.

CREATE TABLE vault.patient (
    patient_key bytea PRIMARY KEY CHECK (length(patient_key) = 16),
    wrapped_key bytea NULL,
    erased_at timestamptz NULL,
    erased_article text NULL,
    CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL)),
    CHECK ((erased_at IS NULL) = (erased_article IS NULL))
);
COMMENT ON TABLE vault.patient IS 'One data key per patient key, wrapped by the installation''s key; NULL once erased';

CREATE TABLE vault.record (
    record_id bytea PRIMARY KEY CHECK (length(record_id) = 16),
    patient_key bytea NOT NULL REFERENCES vault.patient,
    size integer NOT NULL CHECK (size > 0),
    sealed bytea NOT NULL
) WITH (toast_tuple_target = 8160);
-- already compressed: PostgreSQL would only waste time trying again
ALTER TABLE vault.record ALTER COLUMN sealed SET STORAGE EXTERNAL;
COMMENT ON TABLE vault.record IS 'One immutable sealed record per dossier content; size = bytes before compression';
CREATE INDEX record_patient ON vault.record (patient_key);

CREATE TABLE vault.blind_index (
    kind smallint NOT NULL CHECK (kind BETWEEN 1 AND 4),
    digest bytea NOT NULL CHECK (length(digest) = 16),
    patient_key bytea NOT NULL,
    record_id bytea NOT NULL,
    PRIMARY KEY (kind, digest, record_id)
);
COMMENT ON TABLE vault.blind_index IS
    'Keyed digests to find a record by. kind: 1 personal id, 2 insurance number, 3 phone, 4 name and birth';
CREATE INDEX blind_index_patient ON vault.blind_index (patient_key);

-- Destroys data keys. Sealing holds the same advisory lock shared, so no record and no index row of an erased patient
-- can slip in beside it. A patient never seen is entered as erased, so that a rebuild cannot bring the person back.
CREATE FUNCTION vault.erase(keys bytea[], article text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    destroyed bigint;
BEGIN
    IF coalesce(trim(article), '') = '' THEN
        RAISE EXCEPTION 'erasure needs its legal article' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(7206003);
    DELETE FROM vault.blind_index WHERE patient_key = ANY (keys);
    INSERT INTO vault.patient AS p (patient_key, wrapped_key, erased_at, erased_article)
    SELECT DISTINCT k, NULL::bytea, now(), article FROM unnest(keys) AS k
    ON CONFLICT (patient_key) DO UPDATE
        SET wrapped_key = NULL, erased_at = excluded.erased_at, erased_article = excluded.erased_article
        WHERE p.erased_at IS NULL;
    GET DIAGNOSTICS destroyed = ROW_COUNT;
    RETURN destroyed;
END
$$;

ALTER TABLE vault.patient OWNER TO bienho_vault;
ALTER TABLE vault.record OWNER TO bienho_vault;
ALTER TABLE vault.blind_index OWNER TO bienho_vault;
ALTER FUNCTION vault.erase(bytea[], text) OWNER TO bienho_vault;
REVOKE ALL ON FUNCTION vault.erase(bytea[], text) FROM PUBLIC;

-- The worker seals: it adds, and looks only at what it needs to add nothing twice.
GRANT USAGE ON SCHEMA vault TO bienho_worker, bienho_governance;
GRANT INSERT (patient_key, wrapped_key), SELECT (patient_key, wrapped_key, erased_at) ON vault.patient TO bienho_worker;
GRANT INSERT, SELECT (record_id, patient_key) ON vault.record TO bienho_worker;
GRANT INSERT ON vault.blind_index TO bienho_worker;

-- Governance opens records on the identify path and erases on order of a decision.
GRANT SELECT ON vault.patient, vault.record, vault.blind_index TO bienho_governance;
GRANT EXECUTE ON FUNCTION vault.erase(bytea[], text) TO bienho_governance;
DO $$
BEGIN
    -- so that the dead row with the destroyed key can be rewritten away at once
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON vault.patient TO bienho_governance';
    END IF;
END
$$;
