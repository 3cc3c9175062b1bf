-- Accounts and the record of looks. The schema belongs to the admin role, so that bienho_governance cannot drop or
-- disable what keeps the record append-only.

CREATE TABLE governance.account (
    account_id text        PRIMARY KEY CHECK (account_id ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    os_user    text        UNIQUE CHECK (length(os_user) BETWEEN 1 AND 100),
    roles      text[]      NOT NULL CHECK (array_position(roles, NULL) IS NULL),
    active     boolean     NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE (name, os_user, roles, active, changed_at) ON governance.account TO bienho_governance;

-- One row per look, decision or change. `body` is the canonical text of the event and the only thing hashed; the
-- other columns are computed from it and cannot differ. hash = HMAC-SHA256(key, prev_hash || seq || body); the key is
-- not in PostgreSQL.
CREATE TABLE governance.audit_event (
    seq       bigint PRIMARY KEY CHECK (seq > 0),
    body      text   NOT NULL,
    prev_hash bytea  NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash      bytea  NOT NULL CHECK (octet_length(hash) = 32),
    event     jsonb  GENERATED ALWAYS AS (body::jsonb) STORED
);
CREATE INDEX audit_event_by_entity ON governance.audit_event USING gin ((event -> 'entity') jsonb_path_ops);

-- The end of the chain: the lock every writer takes, and the mark by which a cut tail is seen.
CREATE TABLE governance.audit_head (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    seq    bigint  NOT NULL CHECK (seq >= 0),
    hash   bytea   NOT NULL CHECK (octet_length(hash) = 32)
);
INSERT INTO governance.audit_head (seq, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

GRANT SELECT, INSERT (seq, body, prev_hash, hash) ON governance.audit_event TO bienho_governance;
GRANT SELECT, UPDATE (seq, hash) ON governance.audit_head TO bienho_governance;

CREATE FUNCTION governance.refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'the record of looks is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON governance.audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION governance.refuse_change();
CREATE TRIGGER audit_head_stays BEFORE DELETE OR TRUNCATE ON governance.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION governance.refuse_change();

-- The head moves one event at a time, and only onto an event that is there.
CREATE FUNCTION governance.check_head() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF NEW.seq <> OLD.seq + 1 OR NOT EXISTS (
    SELECT FROM governance.audit_event e
    WHERE e.seq = NEW.seq AND e.hash = NEW.hash AND e.prev_hash = OLD.hash)
  THEN
    RAISE EXCEPTION 'the head of the record of looks moves one event at a time' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END
$$;
CREATE TRIGGER audit_head_moves BEFORE UPDATE ON governance.audit_head
    FOR EACH ROW EXECUTE FUNCTION governance.check_head();
