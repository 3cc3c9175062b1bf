-- A vault that is filled at once, by a twin of real size: four indexes kept up row by row were most of what PostgreSQL
-- did for a record; made over the rows that are there, they cost a fraction. Only while no record is there may they be
-- put off, so a house that takes dossiers in never loses them. Without them a value is found as well, only slower.

-- Whether they are put off. What was killed meanwhile goes on with what it has, and makes them when it ends.
CREATE FUNCTION vault.begin_fill() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE vault.record, vault.blind_index IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM vault.record) OR EXISTS (SELECT FROM vault.blind_index) THEN
        RETURN false;
    END IF;
    DROP INDEX IF EXISTS vault.blind_personal_id, vault.blind_insurance_number, vault.blind_phone,
        vault.blind_name_birth;
    RETURN true;
END
$$;

CREATE FUNCTION vault.end_fill() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS blind_personal_id ON vault.blind_index (personal_id) WHERE personal_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS blind_insurance_number ON vault.blind_index (insurance_number)
        WHERE insurance_number IS NOT NULL;
    CREATE INDEX IF NOT EXISTS blind_phone ON vault.blind_index (phone) WHERE phone IS NOT NULL;
    CREATE INDEX IF NOT EXISTS blind_name_birth ON vault.blind_index (name_birth) WHERE name_birth IS NOT NULL;
END
$$;

ALTER FUNCTION vault.begin_fill() OWNER TO bienho_vault;
ALTER FUNCTION vault.end_fill() OWNER TO bienho_vault;
REVOKE ALL ON FUNCTION vault.begin_fill(), vault.end_fill() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.begin_fill(), vault.end_fill() TO bienho_worker;
