-- What proves a password to Digest, for SIP (RFC 7616 §3.4.2). Who had a password before has no row until it is set again.
CREATE TABLE digest_key (
    account    bigint PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    sha256     bytea NOT NULL,
    sha512_256 bytea NOT NULL
);
