-- The store itself: one row.
CREATE TABLE meta (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch    INTEGER NOT NULL,               -- raised by a restore: new ids are then unlike any lost ones
    secret   BLOB    NOT NULL                -- the server's own randomness, made once
) STRICT;

-- Who works on this store. An incarnation that is no longer the newest has no say.
CREATE TABLE member (
    name        TEXT    PRIMARY KEY,
    incarnation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids are never used twice: rights hang on them.
CREATE TABLE account (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT    NOT NULL UNIQUE,
    disabled INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE credential (
    account    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    hash       INTEGER NOT NULL,             -- 1, 256, 512: the SHA of RFC 5802, RFC 7677 …
    iterations INTEGER NOT NULL,
    salt       BLOB    NOT NULL,
    stored_key BLOB    NOT NULL,
    server_key BLOB    NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
