-- The words of the conversation. Filled behind the logs, in slices, by whoever has time for it; an append knows nothing
-- of it. Each entry is a message; ids rise with the time at which it was said, and within a log with seq.
CREATE TABLE search_entry (
    id   INTEGER PRIMARY KEY,                    -- the stamp << 20, and a count for what was said in one millisecond
    kind INTEGER NOT NULL,                       -- 0: of a room, 1: of an account
    log  INTEGER NOT NULL,
    seq  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_entry_place ON search_entry (kind, log, seq);

-- What each has: its words, folded and cut before they come here, the log it is in, and who said it. What was taken back
-- has no row.
CREATE VIRTUAL TABLE search_words USING fts5(words, content = '', contentless_delete = 1, tokenize = 'ascii');

-- Up to where each log was read.
CREATE TABLE search_place (
    kind INTEGER NOT NULL,
    log  INTEGER NOT NULL,
    seq  INTEGER NOT NULL,
    PRIMARY KEY (kind, log)
) STRICT, WITHOUT ROWID;

-- What an account was told goes with it.
CREATE TRIGGER account_unsearched AFTER DELETE ON account BEGIN
    DELETE FROM search_words WHERE rowid IN (SELECT id FROM search_entry WHERE kind = 1 AND log = OLD.id);
    DELETE FROM search_entry WHERE kind = 1 AND log = OLD.id;
    DELETE FROM search_place WHERE kind = 1 AND log = OLD.id;
END;

-- The rooms in whose lists somebody stands: searched, and what he may there ends with his account.
CREATE INDEX affiliation_person ON affiliation (jid, room);
