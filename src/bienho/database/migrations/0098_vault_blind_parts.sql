-- Digests come in no order, so every new row touched four pages anywhere in indexes that grow with the vault: with a
-- million records that was most of what PostgreSQL did for one. A row now belongs to a part of some 65,000 rows by when
-- it was written, and the indexes are ordered by part first: what is written touches the newest part alone, however
-- many there are. Who looks for a value looks in each part.

CREATE SEQUENCE vault.blind_rows START 65536;  -- what is there already is part 0
ALTER SEQUENCE vault.blind_rows OWNER TO bienho_vault;
GRANT USAGE ON SEQUENCE vault.blind_rows TO bienho_worker;

ALTER TABLE vault.blind_index ADD COLUMN part integer NOT NULL DEFAULT 0;
ALTER TABLE vault.blind_index ALTER COLUMN part SET DEFAULT (nextval('vault.blind_rows') >> 16)::integer;
COMMENT ON COLUMN vault.blind_index.part IS 'Ascending with the time of writing; the first column of every index';

DROP INDEX vault.blind_personal_id, vault.blind_insurance_number, vault.blind_phone, vault.blind_name_birth;

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
END
$$;
SELECT vault.end_fill();
