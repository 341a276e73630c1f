-- Where an account's log stands, and the few things of which there is one. Made with the first entry.
CREATE TABLE account_log (
    account        INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    epoch          INTEGER NOT NULL,
    seq            INTEGER NOT NULL DEFAULT 0,
    last_at        INTEGER NOT NULL DEFAULT 0,
    archived       INTEGER NOT NULL DEFAULT 0,   -- entries that the archive shows: the last ordinal given
    handled        INTEGER NOT NULL DEFAULT 0,   -- inputs up to here are answered
    delivered      INTEGER NOT NULL DEFAULT 0,   -- messages up to here have reached a device
    roster_version INTEGER NOT NULL DEFAULT 0,
    preferences    TEXT,
    photo          TEXT,
    vcard          TEXT,
    seen_at        INTEGER,
    seen_status    TEXT
) STRICT;

-- The logs of all accounts. What the archive shows (class 0) lies together, apart from the rest (class 1).
CREATE TABLE account_event (
    account        INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    class          INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    ordinal        INTEGER,                      -- place within class 0, so that counting is a subtraction
    jid            TEXT,                         -- of a message: who is at the other end, bare
    resource       TEXT,
    waits          INTEGER NOT NULL,             -- kept for a session that takes messages
    is_input       INTEGER NOT NULL,             -- wants an answer of the account
    expires        INTEGER,
    origin_session INTEGER,
    origin_number  INTEGER,
    text           TEXT,
    change         TEXT    NOT NULL,             -- JSON
    PRIMARY KEY (account, class, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX account_event_origin ON account_event (account, origin_session, origin_number)
    WHERE origin_session IS NOT NULL;
CREATE INDEX account_event_peer ON account_event (account, jid, seq) WHERE class = 0;
CREATE INDEX account_event_waiting ON account_event (account, seq) WHERE waits;
CREATE INDEX account_event_input ON account_event (account, seq) WHERE is_input;
CREATE INDEX account_event_expires ON account_event (expires) WHERE expires IS NOT NULL;

CREATE TABLE contact (
    account  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    jid      TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    shared   INTEGER NOT NULL,                   -- the contact receives the account's presence
    contact  TEXT    NOT NULL,
    PRIMARY KEY (account, jid)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_removed (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    jid     TEXT    NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (account, jid)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocked (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    jid     TEXT    NOT NULL,
    PRIMARY KEY (account, jid)
) STRICT, WITHOUT ROWID;

CREATE TABLE private_xml (
    account   INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    namespace TEXT    NOT NULL,
    name      TEXT    NOT NULL,
    payload   TEXT    NOT NULL,
    PRIMARY KEY (account, namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    node    TEXT    NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE node_item (
    account   INTEGER NOT NULL,
    node      TEXT    NOT NULL,
    id        TEXT    NOT NULL,
    seq       INTEGER NOT NULL,                  -- of the entry that published it last: the order of the items
    at        INTEGER NOT NULL,
    publisher TEXT    NOT NULL,
    payload   TEXT    NOT NULL,
    PRIMARY KEY (account, node, id),
    FOREIGN KEY (account, node) REFERENCES node (account, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX node_item_order ON node_item (account, node, seq);
