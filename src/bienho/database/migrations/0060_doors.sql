-- What doors keep: identities of outside sign-in services, short tokens of systems, secrets sealed for the house itself.
-- Nothing here is readable as a secret: subjects are keyed digests, tokens and codes are digests of random values.

ALTER TABLE governance.once DROP CONSTRAINT once_matter_check;
ALTER TABLE governance.once ADD CONSTRAINT once_matter_check CHECK (matter IN
    ('invitation', 'passkey-registration', 'passkey-authentication', 'sso', 'client-assertion'));

-- The key of the client's certificate (SubjectPublicKeyInfo): signs its assertions where no proxy speaks mutual TLS.
ALTER TABLE governance.system_client ADD COLUMN public_key bytea;

-- A row without an account waits for an administrator who was told its code.
CREATE TABLE governance.external_identity (
    identity_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    issuer      text        NOT NULL CHECK (length(issuer) BETWEEN 1 AND 500),
    subject     bytea       NOT NULL CHECK (octet_length(subject) = 32),
    code_digest bytea       CHECK (octet_length(code_digest) = 32),
    expires_at  timestamptz,
    account_id  text        REFERENCES governance.account,
    bound_at    timestamptz,
    bound_by    text,
    document    text        NOT NULL DEFAULT '',
    used_at     timestamptz,
    ended_at    timestamptz,
    CHECK ((account_id IS NULL) = (bound_at IS NULL) AND (account_id IS NULL) = (bound_by IS NULL)),
    CHECK ((account_id IS NULL) = (code_digest IS NOT NULL) AND (account_id IS NULL) = (expires_at IS NOT NULL)),
    CHECK (account_id IS NULL OR document <> '')
);
CREATE UNIQUE INDEX external_identity_one ON governance.external_identity (issuer, subject) WHERE ended_at IS NULL;
CREATE INDEX external_identity_by_account ON governance.external_identity (account_id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE (code_digest, expires_at, account_id, bound_at, bound_by, document, used_at, ended_at), DELETE
    ON governance.external_identity TO bienho_governance;

CREATE TABLE governance.access_token (
    digest             bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    client_id          text        NOT NULL REFERENCES governance.system_client,
    scopes             text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    certificate_sha256 bytea       CHECK (octet_length(certificate_sha256) = 32),
    issued_at          timestamptz NOT NULL,
    expires_at         timestamptz NOT NULL CHECK (expires_at > issued_at)
);
CREATE INDEX access_token_by_age ON governance.access_token (expires_at);
GRANT SELECT, INSERT, DELETE ON governance.access_token TO bienho_governance;

CREATE TABLE governance.door_secret (
    name   text        PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 100),
    sealed bytea       NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text        NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON governance.door_secret TO bienho_governance;
