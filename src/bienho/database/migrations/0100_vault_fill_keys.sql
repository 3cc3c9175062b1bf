-- Keys of records and patients come in no order: kept up row by row, each new row of a vault of millions touched a page
-- of its own in an index far larger than the memory of the server. A twin brings every one of them once, so they too
-- are made when the vault is full; one that is there twice is an error then.

CREATE OR REPLACE FUNCTION vault.begin_fill() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE vault.patient, vault.record, vault.blind_index IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM vault.patient) OR EXISTS (SELECT FROM vault.record)
        OR EXISTS (SELECT FROM vault.blind_index) THEN
        RETURN false;
    END IF;
    DROP INDEX IF EXISTS vault.blind_personal_id, vault.blind_insurance_number, vault.blind_phone,
        vault.blind_name_birth;
    ALTER TABLE vault.patient DROP CONSTRAINT IF EXISTS patient_pkey;
    ALTER TABLE vault.record DROP CONSTRAINT IF EXISTS record_pkey;
    RETURN true;
END
$$;

CREATE OR REPLACE FUNCTION vault.end_fill() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE INDEX IF NOT EXISTS blind_personal_id ON vault.blind_index (part, personal_id)
        WHERE personal_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS blind_insurance_number ON vault.blind_index (part, insurance_number)
        WHERE insurance_number IS NOT NULL;
    CREATE INDEX IF NOT EXISTS blind_phone ON vault.blind_index (part, phone) WHERE phone IS NOT NULL;
    CREATE INDEX IF NOT EXISTS blind_name_birth ON vault.blind_index (part, name_birth)
        WHERE name_birth IS NOT NULL;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'vault.patient'::regclass AND contype = 'p') THEN
        ALTER TABLE vault.patient ADD CONSTRAINT patient_pkey PRIMARY KEY (patient_key);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'vault.record'::regclass AND contype = 'p') THEN
        ALTER TABLE vault.record ADD CONSTRAINT record_pkey PRIMARY KEY (record_id);
    END IF;
END
$$;
