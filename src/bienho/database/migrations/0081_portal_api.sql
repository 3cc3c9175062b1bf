-- The door that speaks as the insurance portal does. The wire forces the MD5 of a password; what is kept of it is
-- Argon2id here and, while a token lives, a keyed digest. Tokens are keyed digests too.
CREATE TABLE governance.portal_api_login (
    client_id text        PRIMARY KEY REFERENCES governance.system_client,
    hash      text        NOT NULL,
    addresses cidr[]      NOT NULL CHECK (cardinality(addresses) > 0),
    set_at    timestamptz NOT NULL,
    set_by    text        NOT NULL,
    document  text        NOT NULL CHECK (document <> '')
);
COMMENT ON TABLE governance.portal_api_login IS 'Clients that may log in with a portal-style password, and from where';
GRANT SELECT, INSERT, UPDATE ON governance.portal_api_login TO bienho_governance;

CREATE TABLE governance.portal_api_token (
    access     bytea       PRIMARY KEY CHECK (octet_length(access) = 32),
    identity   bytea       NOT NULL CHECK (octet_length(identity) = 32),
    password   bytea       NOT NULL CHECK (octet_length(password) = 32),
    client_id  text        NOT NULL REFERENCES governance.portal_api_login,
    issued_at  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > issued_at)
);
CREATE INDEX portal_api_token_by_age ON governance.portal_api_token (expires_at);
CREATE INDEX portal_api_token_by_client ON governance.portal_api_token (client_id);
GRANT SELECT, INSERT, DELETE ON governance.portal_api_token TO bienho_governance;

-- What was sent last of each visit through a door that answers at once: the same again gets the same number. A working
-- note; where it is lost, what comes again gets a new number and the lake tells that it is a copy. `visit` is a keyed
-- digest, `content` the SHA-256 of the file.
CREATE TABLE pipeline.sent (
    facility     text        NOT NULL CHECK (length(facility) <= 40),
    visit        bytea       NOT NULL CHECK (octet_length(visit) = 16),
    content      bytea       NOT NULL CHECK (octet_length(content) = 32),
    delivery_seq bigint      NOT NULL,
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (facility, visit)
);
CREATE INDEX sent_by_age ON pipeline.sent (received_at);
COMMENT ON TABLE pipeline.sent IS 'The last file sent of each visit through a door, so that a repeat gets the same number';
ALTER TABLE pipeline.sent OWNER TO bienho_worker;
