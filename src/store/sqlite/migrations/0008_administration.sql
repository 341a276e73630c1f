-- What administrators did. A line is written with what it tells of, and never changed: not by this program, nor by hand.
CREATE TABLE audit (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,                  -- milliseconds since 1970
    who       TEXT    NOT NULL,                  -- 'operator', an address, or 'service:' and a name
    origin    TEXT    NOT NULL,                  -- from where: 'socket', or an address of the network
    token     INTEGER,                           -- by which it was asked for
    operation TEXT    NOT NULL,
    object    TEXT    NOT NULL,
    was       TEXT,                              -- JSON
    became    TEXT,                              -- JSON: what the object is now, or what was asked for
    outcome   TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END;

-- Where numbers stand for versions, they are those of the lines of the audit log.
CREATE TABLE token (
    number     INTEGER PRIMARY KEY,
    account    INTEGER REFERENCES account (id) ON DELETE CASCADE,
    service    TEXT,                             -- in place of an account
    hash       BLOB    NOT NULL,                 -- SHA-256 of the secret
    scopes     TEXT    NOT NULL,                 -- with spaces between them
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((account IS NULL) <> (service IS NULL))
) STRICT;
CREATE INDEX token_account ON token (account) WHERE account IS NOT NULL;
CREATE INDEX token_expires ON token (expires_at);

CREATE TABLE role_grant (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    role    TEXT    NOT NULL,
    PRIMARY KEY (account, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    level       TEXT    PRIMARY KEY,             -- 'global', 'site:…', 'pool:…', 'tag:…'
    enabled     INTEGER NOT NULL,
    description TEXT    NOT NULL,
    version     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_grant (
    account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    level   TEXT    NOT NULL REFERENCES policy (level)
) STRICT;
CREATE INDEX policy_grant_level ON policy_grant (level);

CREATE TABLE configuration (
    level                    TEXT    PRIMARY KEY,
    default_history          INTEGER NOT NULL,
    participant_update_limit INTEGER NOT NULL,
    file_kb_max              INTEGER NOT NULL,
    room_management_url      TEXT,
    version                  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE addin (
    number   INTEGER PRIMARY KEY,
    name_key TEXT    NOT NULL UNIQUE,            -- the name in small letters
    name     TEXT    NOT NULL,
    url      TEXT    NOT NULL,
    version  INTEGER NOT NULL
) STRICT;
