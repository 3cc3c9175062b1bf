-- Units, memberships, credentials, sessions, reviews, systems. Nothing here is readable as a secret: passwords are
-- Argon2id hashes, tokens and codes are digests of random values, the secret of a TOTP device is sealed under a key
-- that is not in PostgreSQL.

ALTER TABLE governance.account ADD COLUMN woken_at timestamptz NOT NULL DEFAULT now();
GRANT UPDATE (woken_at) ON governance.account TO bienho_governance;
COMMENT ON COLUMN governance.account.woken_at IS 'Made or opened again: idle days count from here or from the last sign-in';

CREATE TABLE governance.unit (
    unit_code     text        PRIMARY KEY CHECK (unit_code ~ '^[a-z0-9][a-z0-9-]{0,79}$'),
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 300),
    kind          text        NOT NULL,
    parent        text        REFERENCES governance.unit CHECK (parent <> unit_code),
    facility_code text        UNIQUE CHECK (length(facility_code) BETWEEN 1 AND 20),
    commune_code  text        CHECK (length(commune_code) BETWEEN 1 AND 10),
    domains       text[]      NOT NULL DEFAULT '{}',
    valid_from    date        NOT NULL,
    valid_to      date        CHECK (valid_to > valid_from),
    document      text        NOT NULL DEFAULT '',
    changed_at    timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE (name, parent, domains, valid_to, document, changed_at)
    ON governance.unit TO bienho_governance;

CREATE TABLE governance.unit_contact (
    contact_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    unit_code  text        NOT NULL REFERENCES governance.unit,
    matter     text        NOT NULL CHECK (matter IN ('data', 'security')),
    account_id text        REFERENCES governance.account,
    name       text        CHECK (length(name) BETWEEN 1 AND 200),
    phone      text        CHECK (phone ~ '^[0-9+() .-]{5,30}$'),
    since      timestamptz NOT NULL,
    until      timestamptz CHECK (until >= since),
    given_by   text        NOT NULL,
    document   text        NOT NULL,
    CHECK ((account_id IS NULL) = (name IS NOT NULL) AND (name IS NULL) = (phone IS NULL))
);
CREATE UNIQUE INDEX unit_contact_one_in_force ON governance.unit_contact (unit_code, matter) WHERE until IS NULL;
GRANT SELECT, INSERT, UPDATE (until) ON governance.unit_contact TO bienho_governance;

-- `until` is the day agreed beforehand; `ended_at` the moment it was ended, also when it merely lapsed.
CREATE TABLE governance.membership (
    membership_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    text        NOT NULL REFERENCES governance.account,
    unit_code     text        NOT NULL REFERENCES governance.unit,
    role          text        NOT NULL,
    since         timestamptz NOT NULL,
    until         timestamptz CHECK (until > since),
    given_by      text        NOT NULL,
    document      text        NOT NULL CHECK (document <> ''),
    confirmed_at  timestamptz NOT NULL,
    ended_at      timestamptz,
    ended_by      text,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE UNIQUE INDEX membership_one_open ON governance.membership (account_id, unit_code, role) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE (confirmed_at, ended_at, ended_by) ON governance.membership TO bienho_governance;

-- One row per answer to "is this membership still needed?"; nothing is taken back.
CREATE TABLE governance.access_review (
    review_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    membership_id bigint      NOT NULL REFERENCES governance.membership,
    reviewed_at   timestamptz NOT NULL,
    reviewed_by   text        NOT NULL,
    outcome       text        NOT NULL CHECK (outcome IN ('confirmed', 'ended')),
    was_due       timestamptz NOT NULL
);
GRANT SELECT, INSERT ON governance.access_review TO bienho_governance;

CREATE TABLE governance.password (
    account_id text        PRIMARY KEY REFERENCES governance.account,
    hash       text        NOT NULL CHECK (hash LIKE '$argon2id$%'),
    set_at     timestamptz NOT NULL,
    used_at    timestamptz
);
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.password TO bienho_governance;

CREATE TABLE governance.password_history (
    history_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id text        NOT NULL REFERENCES governance.account,
    hash       text        NOT NULL CHECK (hash LIKE '$argon2id$%'),
    set_at     timestamptz NOT NULL
);
CREATE INDEX password_history_by_account ON governance.password_history (account_id, history_id);
GRANT SELECT, INSERT, DELETE ON governance.password_history TO bienho_governance;

-- The device that works, and one that was begun and not confirmed yet.
CREATE TABLE governance.totp (
    account_id text        NOT NULL REFERENCES governance.account,
    sealed     bytea       NOT NULL,
    last_step  bigint      NOT NULL DEFAULT 0,
    begun_at   timestamptz NOT NULL,
    confirmed  boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, confirmed)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.totp TO bienho_governance;

CREATE TABLE governance.passkey (
    credential_id bytea       PRIMARY KEY,
    account_id    text        NOT NULL REFERENCES governance.account,
    public_key    bytea       NOT NULL,
    sign_count    bigint      NOT NULL CHECK (sign_count >= 0),
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    added_at      timestamptz NOT NULL,
    used_at       timestamptz
);
GRANT SELECT, INSERT, UPDATE (sign_count, used_at), DELETE ON governance.passkey TO bienho_governance;

CREATE TABLE governance.recovery_code (
    account_id text  NOT NULL REFERENCES governance.account,
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (account_id, digest)
);
GRANT SELECT, INSERT, DELETE ON governance.recovery_code TO bienho_governance;

-- Random values that work once: challenges of passkeys, invitations to set a first password.
CREATE TABLE governance.once (
    digest     bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    matter     text        NOT NULL CHECK (matter IN ('invitation', 'passkey-registration', 'passkey-authentication')),
    account_id text        REFERENCES governance.account,
    expires_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON governance.once TO bienho_governance;

-- Failed sign-ins, by account name as typed and by address: `subject` is a keyed digest, known and unknown names alike.
CREATE TABLE governance.sign_in_failure (
    subject  bytea       PRIMARY KEY CHECK (octet_length(subject) = 32),
    failures integer     NOT NULL CHECK (failures >= 0),
    last_at  timestamptz NOT NULL
);
CREATE INDEX sign_in_failure_by_age ON governance.sign_in_failure (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON governance.sign_in_failure TO bienho_governance;

CREATE TABLE governance.account_recovery (
    recovery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  text        NOT NULL REFERENCES governance.account,
    asked_by    text        NOT NULL CHECK (asked_by <> account_id),
    asked_at    timestamptz NOT NULL,
    document    text        NOT NULL CHECK (document <> ''),
    expires_at  timestamptz NOT NULL CHECK (expires_at > asked_at),
    approved_by text        CHECK (approved_by <> account_id AND approved_by <> asked_by),
    approved_at timestamptz,
    CHECK ((approved_by IS NULL) = (approved_at IS NULL))
);
GRANT SELECT, INSERT, UPDATE (approved_by, approved_at) ON governance.account_recovery TO bienho_governance;

-- `pending`: what must still be done before the session opens a door.
CREATE TABLE governance.session (
    digest       bytea       PRIMARY KEY CHECK (octet_length(digest) = 32),
    account_id   text        NOT NULL REFERENCES governance.account,
    door         text        NOT NULL,
    address_kind text        NOT NULL CHECK (address_kind IN ('loopback', 'private', 'public')),
    assurance    text        NOT NULL CHECK (assurance IN ('none', 'one', 'two')),
    pending      text        NOT NULL CHECK (pending IN ('', 'second-factor', 'enrol', 'password')),
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   text        NOT NULL DEFAULT '',
    CHECK ((ended_at IS NULL) = (end_reason = ''))
);
CREATE INDEX session_open_by_account ON governance.session (account_id) WHERE ended_at IS NULL;
GRANT SELECT, INSERT, UPDATE (last_seen_at, ended_at, end_reason) ON governance.session TO bienho_governance;

CREATE TABLE governance.system_client (
    client_id          text        PRIMARY KEY CHECK (client_id ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    name               text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    unit_code          text        NOT NULL REFERENCES governance.unit,
    certificate_sha256 bytea       UNIQUE CHECK (octet_length(certificate_sha256) = 32),
    secret_digest      bytea       CHECK (octet_length(secret_digest) = 32),
    scopes             text[]      NOT NULL CHECK (cardinality(scopes) > 0),
    made_at            timestamptz NOT NULL,
    made_by            text        NOT NULL,
    document           text        NOT NULL CHECK (document <> ''),
    expires_at         timestamptz NOT NULL CHECK (expires_at > made_at),
    ended_at           timestamptz,
    CHECK (certificate_sha256 IS NOT NULL OR secret_digest IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE (ended_at) ON governance.system_client TO bienho_governance;
