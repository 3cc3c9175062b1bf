-- Versions of the master key (ADR 16). Each data key says under which version's wrap key it is wrapped; no key is here.

CREATE TABLE vault.key_version (
    version    integer     PRIMARY KEY CHECK (version > 0),
    made_at    timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz NULL
);
COMMENT ON TABLE vault.key_version IS 'Versions of the master key; retired once nothing is wrapped under them';
INSERT INTO vault.key_version (version) VALUES (1);

ALTER TABLE vault.patient ADD COLUMN key_version integer NULL;
UPDATE vault.patient SET key_version = 1 WHERE wrapped_key IS NOT NULL;
ALTER TABLE vault.patient ADD CONSTRAINT patient_key_version CHECK ((wrapped_key IS NULL) = (key_version IS NULL));
COMMENT ON COLUMN vault.patient.key_version IS 'Version of the master key that wrapped_key is wrapped under; NULL once erased';

-- As before, and the version goes with the key.
CREATE OR REPLACE FUNCTION vault.erase(keys bytea[], article text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    destroyed bigint;
BEGIN
    IF coalesce(trim(article), '') = '' THEN
        RAISE EXCEPTION 'erasure needs its legal article' USING ERRCODE = 'check_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(7206003);
    DELETE FROM vault.blind_index WHERE patient_key = ANY (keys);
    INSERT INTO vault.patient AS p (patient_key, wrapped_key, key_version, erased_at, erased_article)
    SELECT DISTINCT k, NULL::bytea, NULL::integer, now(), article FROM unnest(keys) AS k
    ON CONFLICT (patient_key) DO UPDATE
        SET wrapped_key = NULL, key_version = NULL, erased_at = excluded.erased_at,
            erased_article = excluded.erased_article
        WHERE p.erased_at IS NULL;
    GET DIAGNOSTICS destroyed = ROW_COUNT;
    RETURN destroyed;
END
$$;

-- A data key under another wrapping. Only where the old wrapping still stands: an erasure or another rotation that came
-- first wins. The lock is the one sealing holds, so an erasure never runs beside it.
CREATE FUNCTION vault.rewrap(keys bytea[], old_wraps bytea[], new_wraps bytea[], to_version integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moved bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7206003);
    IF NOT EXISTS (SELECT FROM vault.key_version WHERE version = to_version AND retired_at IS NULL) THEN
        RAISE EXCEPTION 'no such version of the master key' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE vault.patient AS p SET wrapped_key = w.new_wrap, key_version = to_version
    FROM unnest(keys, old_wraps, new_wraps) AS w (key, old_wrap, new_wrap)
    WHERE p.patient_key = w.key AND p.wrapped_key = w.old_wrap;
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END
$$;

CREATE FUNCTION vault.begin_version(number integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO vault.key_version (version) VALUES (number) ON CONFLICT DO NOTHING
$$;

-- How many data keys are wrapped under a version once no sealer is at work; it is retired when that is none. Whoever
-- seals later finds the ring already at a newer version.
CREATE FUNCTION vault.retire_version(number integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    left_under bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7206003);
    SELECT count(*) INTO left_under FROM vault.patient WHERE key_version = number;
    IF left_under = 0 THEN
        UPDATE vault.key_version SET retired_at = now() WHERE version = number AND retired_at IS NULL;
    END IF;
    RETURN left_under;
END
$$;

-- A wrapping under a version that is retired could never be opened again: better that it is refused.
CREATE FUNCTION vault.refuse_retired() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh AS f LEFT JOIN vault.key_version AS v ON v.version = f.key_version
               WHERE f.key_version IS NOT NULL AND (v.version IS NULL OR v.retired_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'the version of the master key is retired' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER patient_key_version_in_use AFTER INSERT ON vault.patient
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION vault.refuse_retired();

ALTER TABLE vault.key_version OWNER TO bienho_vault;
ALTER FUNCTION vault.rewrap(bytea[], bytea[], bytea[], integer) OWNER TO bienho_vault;
ALTER FUNCTION vault.begin_version(integer) OWNER TO bienho_vault;
ALTER FUNCTION vault.retire_version(integer) OWNER TO bienho_vault;
ALTER FUNCTION vault.refuse_retired() OWNER TO bienho_vault;
REVOKE ALL ON FUNCTION vault.rewrap(bytea[], bytea[], bytea[], integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION vault.begin_version(integer), vault.retire_version(integer), vault.refuse_retired() FROM PUBLIC;

GRANT INSERT (key_version), SELECT (key_version) ON vault.patient TO bienho_worker;
GRANT SELECT ON vault.key_version TO bienho_governance;
GRANT EXECUTE ON FUNCTION vault.rewrap(bytea[], bytea[], bytea[], integer) TO bienho_governance;
GRANT EXECUTE ON FUNCTION vault.begin_version(integer), vault.retire_version(integer) TO bienho_governance;
