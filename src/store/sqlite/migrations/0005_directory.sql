-- Whoever rights can be given to and there is something to say of: each group and unit, and users that are in one, come
-- from a directory, may not sign in or were removed. The address of a group or unit is never given again, so its row stays.
CREATE TABLE principal (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    address  TEXT    NOT NULL UNIQUE,
    kind     TEXT    NOT NULL,               -- 'user', 'group', 'unit'
    name     TEXT    NOT NULL,               -- for people to read
    name_key TEXT    NOT NULL,               -- the same in small letters
    standing TEXT    NOT NULL,               -- 'present', 'disabled', 'removed'
    entry    TEXT    UNIQUE,                 -- the directory's own id of it
    dn       TEXT,                           -- where the directory has it
    version  INTEGER NOT NULL                -- of the rights, in which it last changed
) STRICT;
CREATE INDEX principal_version ON principal (version, id);

-- Who is directly in which group or unit. A row that ended stays until no member can be behind it.
CREATE TABLE belongs (
    parent  INTEGER NOT NULL REFERENCES principal (id),
    member  INTEGER NOT NULL REFERENCES principal (id),
    gone    INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL,
    PRIMARY KEY (parent, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX belongs_member ON belongs (member);
CREATE INDEX belongs_version ON belongs (version, parent, member);
CREATE INDEX belongs_gone ON belongs (version) WHERE gone;

-- The version of all rights outside of rooms: one row. Whoever changes some of them takes it first, so that versions are
-- committed in their order.
CREATE TABLE rights (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    version  INTEGER NOT NULL
) STRICT;
INSERT INTO rights VALUES (1, 1);
