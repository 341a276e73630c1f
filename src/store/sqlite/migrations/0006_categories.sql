-- Who rooms are for. Lists of principals are JSON arrays of addresses.
CREATE TABLE category (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name_key    TEXT    NOT NULL UNIQUE,         -- the name in small letters
    name        TEXT    NOT NULL,
    description TEXT    NOT NULL,
    allowed     TEXT    NOT NULL,
    denied      TEXT    NOT NULL,
    creators    TEXT    NOT NULL,
    rules       TEXT    NOT NULL,                -- JSON: what holds for all its rooms
    version     INTEGER NOT NULL                 -- the number of the act that last changed it
) STRICT;

-- Of the settings. Null: made before there were categories, or destroyed.
ALTER TABLE room ADD COLUMN category INTEGER REFERENCES category (id);
CREATE INDEX room_category ON room (category) WHERE category IS NOT NULL;
-- Of the settings: the name in small letters. No category is called like a room.
ALTER TABLE room ADD COLUMN title_key TEXT NOT NULL DEFAULT '';
CREATE INDEX room_title ON room (title_key) WHERE name IS NOT NULL;
-- Is on the list of members; speaks in an auditorium.
ALTER TABLE affiliation ADD COLUMN attends INTEGER NOT NULL DEFAULT 1;
ALTER TABLE affiliation ADD COLUMN presents INTEGER NOT NULL DEFAULT 0;
