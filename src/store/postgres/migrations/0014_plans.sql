-- What is done most often, with plans that are made once for a connection and not each time; and made without statistics,
-- which know nothing of the tables of a new pool.

-- Events that nothing else follows from, of any number of rooms: what was said in them. `log_` has the rooms, in the order
-- of their ids, and how many events each gets; the events of a room have places from 0. All of it is done, or nothing: for
-- rooms that are not as the decisions saw them (PE004), or where an event was written before (its key is in
-- `room_event_origin`), there is `append_1`, which tells one from the other. The journal gets them room by room, each in its
-- order: who reads it goes by that.
CREATE FUNCTION say_1(
    me text, mine bigint,
    log_room bigint[], log_rules bigint[], log_at bigint[], log_events bigint[], log_archived bigint[],
    event_session bigint[], event_number bigint[],
    event_room bigint[], event_place bigint[], event_class bigint[], event_ordinal bigint[], event_kind bigint[],
    event_settled bigint[], event_nick text[], event_jid text[],
    event_resource text[], event_occupant text[], event_stanza text[], event_lang text[], event_text text[],
    event_payload text[], event_lives bigint[], event_data text[],
    journal_room bigint[], journal_place bigint[], journal_change text[]
) RETURNS TABLE (first_seq bigint, stamp bigint, version bigint, quieted bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM stand_1(me, mine);
    PERFORM FROM room_log WHERE room = ANY (log_room) ORDER BY room FOR NO KEY UPDATE;
    RETURN QUERY
    WITH moved AS (
        UPDATE room_log SET seq = room_log.seq + l.events, archived = room_log.archived + l.archived,
            last_at = greatest(room_log.last_at, l.at)
        FROM unnest(log_room, log_rules, log_at, log_events, log_archived) AS l (room, rules, at, events, archived)
        WHERE room_log.room = l.room AND room_log.open AND room_log.rules = l.rules
        RETURNING room_log.room, room_log.seq - l.events + 1 AS base, epoch, last_at,
            room_log.archived - l.archived AS ordinal, room_log.rules, quiet
    ), written AS (
        INSERT INTO room_event (room, class, seq, epoch, at, ordinal, kind, origin_session, origin_number,
            origin_settled, nick, jid, resource, occupant_id, stanza_id, lang, text, payload, expires, data)
        SELECT e.room, e.class, base + e.place, epoch, last_at, moved.ordinal + e.ordinal, e.kind, e.session, e.number,
            e.settled, e.nick, e.jid, e.resource, e.occupant, e.stanza, e.lang, e.text, e.payload,
            last_at + e.lives, e.data
        FROM unnest(event_room, event_place, event_class, event_ordinal, event_kind, event_session, event_number,
            event_settled, event_nick, event_jid, event_resource, event_occupant, event_stanza, event_lang, event_text,
            event_payload, event_lives, event_data)
            AS e (room, place, class, ordinal, kind, session, number, settled, nick, jid, resource, occupant, stanza,
            lang, text, payload, lives, data)
        JOIN moved ON moved.room = e.room
    ), journalled AS (
        INSERT INTO journal (at, room, seq, change)
        SELECT last_at, moved.room, base + j.place, j.change
        FROM unnest(journal_room, journal_place, journal_change) AS j (room, place, change)
        JOIN moved ON moved.room = j.room
        ORDER BY j.room, j.place
    )
    SELECT base, last_at, rules, quiet
    FROM unnest(log_room) WITH ORDINALITY AS l (room, place) JOIN moved ON moved.room = l.room ORDER BY place;
    GET DIAGNOSTICS done = ROW_COUNT;
    IF done <> cardinality(log_room) THEN
        RAISE EXCEPTION 'not as it was' USING ERRCODE = 'PE004';
    END IF;
END $$;

-- Steps (`follow_1`) that come with every visit. Who sits down beside another device of his has the nick and role that he
-- has there, whatever the decision saw: he may have taken them since, which moves no rules.
CREATE FUNCTION seat_1(entry jsonb, log bigint, at bigint, me text, mine bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH beside AS (
        SELECT nick, role FROM seat WHERE room = log AND nick_key = entry ->> 'nick_key' LIMIT 1)
    INSERT INTO seat (room, nick_key, session, nick, owner, resource, occupant_id, role, presence, shown_at, member,
        incarnation)
    VALUES (log, entry ->> 'nick_key', (entry ->> 'session')::bigint,
        coalesce((SELECT nick FROM beside), entry ->> 'nick'), entry ->> 'owner', entry ->> 'resource',
        entry ->> 'occupant_id', coalesce((SELECT role FROM beside), entry ->> 'role'), entry ->> 'presence', at, me,
        mine)
    ON CONFLICT (room, nick_key, session) DO UPDATE SET nick = excluded.nick, resource = excluded.resource,
        role = excluded.role, presence = excluded.presence, shown_at = excluded.shown_at, deadline = NULL,
        claimed_until = NULL, member = excluded.member, incarnation = excluded.incarnation;
END $$;

-- His other device may have changed the nick meanwhile: others would be shown that somebody else has gone.
CREATE FUNCTION unseat_1(entry jsonb, log bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held text;
BEGIN
    DELETE FROM seat WHERE session = (entry ->> 'session')::bigint AND room = log RETURNING nick_key INTO held;
    PERFORM need_1(held IS NULL OR held = entry ->> 'nick_key');
END $$;
