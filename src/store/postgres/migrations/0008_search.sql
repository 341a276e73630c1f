-- The words of the conversation. Filled behind the logs, in slices, by whoever has time for it; an append knows nothing
-- of it, and older members need not. Each entry is a message.
CREATE TABLE search_entry (
    kind  bigint   NOT NULL,                     -- 0: of a room, 1: of an account
    log   bigint   NOT NULL,
    seq   bigint   NOT NULL,
    at    bigint   NOT NULL,
    words tsvector NOT NULL,                     -- its words, folded and cut before they come here, the log, who said it
    PRIMARY KEY (kind, log, seq)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX search_entry_order ON search_entry (kind, at, log, seq);
-- A short list of what is not sorted in yet: every search walks it.
CREATE INDEX search_entry_words ON search_entry USING gin (words) WITH (gin_pending_list_limit = 256);

-- Up to where each log was read. Whoever reads on holds the row.
CREATE TABLE search_place (
    kind bigint NOT NULL,
    log  bigint NOT NULL,
    seq  bigint NOT NULL,
    PRIMARY KEY (kind, log)
) WITH (fillfactor = 50);

-- What an account was told goes with it.
CREATE FUNCTION account_unsearched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_entry WHERE kind = 1 AND log = OLD.id;
    DELETE FROM search_place WHERE kind = 1 AND log = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER account_unsearched AFTER DELETE ON account FOR EACH ROW EXECUTE FUNCTION account_unsearched();

-- The rooms in whose lists somebody stands: searched, and what he may there ends with his account.
CREATE INDEX affiliation_person ON affiliation (jid, room);
