-- Erasures of people (law 13): who asked, who confirmed, on which decision, and what was taken out where. No value of a
-- patient is here: keyed digests and places. Rows go one way, asked, confirmed, done, and are never changed again.

CREATE TABLE vault.erasure (
    erasure_id   text        PRIMARY KEY CHECK (erasure_id ~ '^[0-9a-f]{12}$'),
    decision     text        NOT NULL CHECK (trim(decision) <> ''),
    article      text        NOT NULL CHECK (trim(article) <> ''),
    retention    text        NOT NULL CHECK (trim(retention) <> ''),
    asked_by     text        NOT NULL,
    asked_at     timestamptz NOT NULL DEFAULT now(),
    patients     bytea[]     NOT NULL,
    places       jsonb       NOT NULL,
    confirmed_by text        NULL,
    confirmed_at timestamptz NULL,
    done_at      timestamptz NULL,
    CHECK (cardinality(patients) > 0 OR jsonb_array_length(places) > 0),
    CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CHECK (done_at IS NULL OR confirmed_at IS NOT NULL),
    CONSTRAINT erasure_two_persons CHECK (confirmed_by <> asked_by)
);
COMMENT ON TABLE vault.erasure IS 'One erasure of a person: asked for by one account, confirmed by another';
COMMENT ON COLUMN vault.erasure.retention IS 'Why no law makes the house keep it any longer';

CREATE TABLE vault.erased_name (
    name       bytea NOT NULL CHECK (length(name) = 16),
    kind       text  NOT NULL CHECK (kind IN ('patient', 'dossier', 'record')),
    erasure_id text  NOT NULL REFERENCES vault.erasure,
    PRIMARY KEY (name, kind, erasure_id)
);
COMMENT ON TABLE vault.erased_name IS
    'What nothing may come back under: patient keys whose data key was destroyed, dossiers taken out of raw, single records';

CREATE TABLE vault.erased_place (
    erasure_id text    NOT NULL REFERENCES vault.erasure,
    seq        bigint  NOT NULL CHECK (seq > 0),
    hoso       integer NOT NULL CHECK (hoso >= 0),
    sha256     text    NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (erasure_id, seq, hoso)
);
COMMENT ON TABLE vault.erased_place IS 'Where the bytes were: receipt sequence, place in the delivery (0 = all of it), SHA-256 of the delivery as it was sent';

CREATE FUNCTION vault.erasure_goes_one_way() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.confirmed_at IS NOT NULL AND (OLD.confirmed_by, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_at))
       OR (OLD.done_at IS NOT NULL AND OLD.done_at IS DISTINCT FROM NEW.done_at) THEN
        RAISE EXCEPTION 'an erasure is never taken back' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER erasure_goes_one_way BEFORE UPDATE ON vault.erasure
    FOR EACH ROW EXECUTE FUNCTION vault.erasure_goes_one_way();

-- Single records of a dossier that was erased, sealed under the key of a patient who was not.
CREATE FUNCTION vault.erase_records(ids bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    IF EXISTS (SELECT FROM unnest(ids) AS i WHERE NOT EXISTS
               (SELECT FROM vault.erased_name WHERE kind = 'record' AND name = i)) THEN
        RAISE EXCEPTION 'not on the list of an erasure' USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(7206003);
    DELETE FROM vault.blind_index WHERE record_id = ANY (ids);
    DELETE FROM vault.record WHERE record_id = ANY (ids);
    GET DIAGNOSTICS removed = ROW_COUNT;
    RETURN removed;
END
$$;

ALTER TABLE vault.erasure OWNER TO bienho_vault;
ALTER TABLE vault.erased_name OWNER TO bienho_vault;
ALTER TABLE vault.erased_place OWNER TO bienho_vault;
ALTER FUNCTION vault.erasure_goes_one_way() OWNER TO bienho_vault;
ALTER FUNCTION vault.erase_records(bytea[]) OWNER TO bienho_vault;
REVOKE ALL ON FUNCTION vault.erasure_goes_one_way(), vault.erase_records(bytea[]) FROM PUBLIC;

-- The worker looks at nothing but what may not come in.
GRANT SELECT (name, kind) ON vault.erased_name TO bienho_worker;
GRANT SELECT ON vault.erasure, vault.erased_name, vault.erased_place TO bienho_governance;
GRANT INSERT ON vault.erasure, vault.erased_name, vault.erased_place TO bienho_governance;
GRANT UPDATE (confirmed_by, confirmed_at, done_at) ON vault.erasure TO bienho_governance;
GRANT EXECUTE ON FUNCTION vault.erase_records(bytea[]) TO bienho_governance;
DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 170000 THEN
        EXECUTE 'GRANT MAINTAIN ON vault.record TO bienho_governance';
    END IF;
END
$$;
