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

-- What seldom changes of a room. A name that is given again gets a new room with a new id.
CREATE TABLE room (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    name                 TEXT    UNIQUE,         -- localpart of its address; null once destroyed
    former_name          TEXT,
    secret               BLOB    NOT NULL,       -- occupant ids are made from it
    settings             TEXT    NOT NULL,       -- JSON
    public               INTEGER NOT NULL,       -- of the settings: is it in the list of rooms?
    locked               INTEGER NOT NULL,       -- not yet configured by its owner
    subject              TEXT,                   -- JSON
    affiliations_version INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX room_listed ON room (name) WHERE public AND NOT locked AND name IS NOT NULL;

-- What every append compares and moves: small rows, a hundred to a page.
CREATE TABLE room_log (
    room      INTEGER PRIMARY KEY REFERENCES room (id),
    open      INTEGER NOT NULL,                  -- false once the room was destroyed
    epoch     INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,                  -- what lies below was taken by retention
    seq       INTEGER NOT NULL,                  -- of the last event
    rules     INTEGER NOT NULL,                  -- version of what decisions rest on
    archived  INTEGER NOT NULL,                  -- events of class 0 so far
    last_at   INTEGER NOT NULL                   -- stamps do not fall below it
) STRICT;

-- The logs of all rooms. The conversation (class 0) lies together, apart from comings, goings and what is not kept
-- (class 1): a page of archive reads nothing else. Stamps rise with seq, so a time is found by bisection.
CREATE TABLE room_event (
    room           INTEGER NOT NULL,
    class          INTEGER NOT NULL,
    seq            INTEGER NOT NULL,
    epoch          INTEGER NOT NULL,
    at             INTEGER NOT NULL,             -- milliseconds since 1970
    ordinal        INTEGER,                      -- place within class 0, so that counting is a subtraction
    kind           INTEGER NOT NULL,             -- 0: all of it is in data
    origin_session INTEGER,
    origin_number  INTEGER,
    nick           TEXT,                         -- the author, as he was then
    jid            TEXT,
    resource       TEXT,
    occupant_id    TEXT,
    stanza_id      TEXT,                         -- the sender's own
    lang           TEXT,
    text           TEXT,
    payload        TEXT,                         -- XML; empty once retracted or expired
    expires        INTEGER,
    data           TEXT,                         -- JSON: what the columns do not hold
    PRIMARY KEY (room, class, seq)
) STRICT, WITHOUT ROWID;
-- What was handed in twice is written once.
CREATE UNIQUE INDEX room_event_origin ON room_event (origin_session, origin_number, room)
    WHERE origin_session IS NOT NULL;
CREATE INDEX room_event_expires ON room_event (expires) WHERE expires IS NOT NULL;

CREATE TABLE affiliation (
    room        INTEGER NOT NULL,
    jid         TEXT    NOT NULL,                -- a person, or a whole domain
    affiliation TEXT    NOT NULL,                -- 'none' where one was taken away, for who asks what has changed
    nick        TEXT,                            -- reserved
    reason      TEXT    NOT NULL,
    version     INTEGER NOT NULL,
    PRIMARY KEY (room, jid)
) STRICT, WITHOUT ROWID;

-- Who is inside: a row for each session; what concerns the person is the same in all rows of a nick.
CREATE TABLE seat (
    room        INTEGER NOT NULL,
    nick_key    TEXT    NOT NULL,
    session     INTEGER NOT NULL,
    nick        TEXT    NOT NULL,
    owner       TEXT    NOT NULL,                -- bare address
    resource    TEXT    NOT NULL,
    occupant_id TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    presence    TEXT    NOT NULL,
    shown_at    INTEGER NOT NULL,                -- the session that spoke last is the one that others see
    deadline    INTEGER,                         -- its connection is gone; it leaves then
    PRIMARY KEY (room, nick_key, session)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX seat_session ON seat (session, room);
-- A nick has one owner, who may sit on it with several sessions.
CREATE TRIGGER seat_taken BEFORE INSERT ON seat
WHEN EXISTS (SELECT 1 FROM seat WHERE room = NEW.room AND nick_key = NEW.nick_key AND owner <> NEW.owner)
BEGIN
    SELECT RAISE(FAIL, 'nick taken');
END;
CREATE TRIGGER seat_renamed BEFORE UPDATE OF nick_key ON seat
WHEN EXISTS (SELECT 1 FROM seat WHERE room = NEW.room AND nick_key = NEW.nick_key AND owner <> NEW.owner)
BEGIN
    SELECT RAISE(FAIL, 'nick taken');
END;

-- What compliance reads, written with what it tells of. Never changed; a retraction has its original beside it.
CREATE TABLE journal (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    room     INTEGER NOT NULL,
    seq      INTEGER,                            -- null for a coming or going that the log does not have
    change   TEXT    NOT NULL,                   -- JSON
    original TEXT                                -- JSON: what a retraction took out
) STRICT;

-- Signed-in devices, saved lazily: after a crash they tell what was handled before it, never more than was.
CREATE TABLE session (
    id           INTEGER PRIMARY KEY,
    account      INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    resource     TEXT    NOT NULL,
    incarnation  INTEGER NOT NULL,
    deadline     INTEGER,                        -- its connection is gone; it may be resumed until then
    handled      INTEGER NOT NULL,               -- inbound stanzas, as acknowledged to the client
    acknowledged INTEGER NOT NULL                -- cursor in the account's log
) STRICT;
CREATE INDEX session_account ON session (account);
CREATE INDEX session_deadline ON session (deadline) WHERE deadline IS NOT NULL;
