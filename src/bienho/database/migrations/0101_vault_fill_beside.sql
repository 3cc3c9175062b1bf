-- The indexes of a full vault were made one after the other, on one core, while nothing else was left to do: a
-- twentieth of the time of a twin. They come in three groups now, each of which a session of its own may make.

CREATE FUNCTION vault.end_fill(number integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CASE number
    WHEN 1 THEN
        CREATE INDEX IF NOT EXISTS blind_personal_id ON vault.blind_index (part, personal_id)
            WHERE personal_id IS NOT NULL;
        CREATE INDEX IF NOT EXISTS blind_insurance_number ON vault.blind_index (part, insurance_number)
            WHERE insurance_number IS NOT NULL;
    WHEN 2 THEN
        CREATE INDEX IF NOT EXISTS blind_phone ON vault.blind_index (part, phone) WHERE phone IS NOT NULL;
        CREATE INDEX IF NOT EXISTS blind_name_birth ON vault.blind_index (part, name_birth)
            WHERE name_birth IS NOT NULL;
    WHEN 3 THEN
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'vault.patient'::regclass AND contype = 'p') THEN
            ALTER TABLE vault.patient ADD CONSTRAINT patient_pkey PRIMARY KEY (patient_key);
        END IF;
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'vault.record'::regclass AND contype = 'p') THEN
            ALTER TABLE vault.record ADD CONSTRAINT record_pkey PRIMARY KEY (record_id);
        END IF;
    END CASE;
END
$$;
ALTER FUNCTION vault.end_fill(integer) OWNER TO bienho_vault;
REVOKE ALL ON FUNCTION vault.end_fill(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.end_fill(integer) TO bienho_worker;

DROP FUNCTION vault.end_fill();
