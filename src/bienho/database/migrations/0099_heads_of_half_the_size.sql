-- Keys and digests of 32 hex digits in 16 bytes: the index is the part of this table that every batch touches all over,
-- and with a million dossiers it was twice what PostgreSQL keeps of it in memory. The key comes first: nearly all rows
-- are of one catalog.

ALTER TABLE pipeline.dossier_head
    DROP CONSTRAINT dossier_head_pkey,
    ALTER COLUMN dossier_key TYPE uuid USING dossier_key::uuid,
    ALTER COLUMN content_digest TYPE uuid USING content_digest::uuid,
    ADD PRIMARY KEY (dossier_key, catalog);
