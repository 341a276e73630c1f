-- How decisions are made true: all that waits in a member, several logs at once, in one round trip and one commit. A
-- function and not a statement, because each statement in it sees what was committed before the locks it has by then;
-- a single statement would look for keys and nicks as they were when it began.
--
-- Old and new members call what they know: a function that was released is never changed, the next one gets another
-- number, and the old one goes when no member calls it any more.

-- Holds the caller's own row until the commit: whoever raises its incarnation waits for that, and what comes after the
-- raising ends here.
CREATE FUNCTION stand_1(me text, mine bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM member WHERE name = me AND incarnation = mine FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'member % is no longer at incarnation %', me, mine USING ERRCODE = 'PE001';
    END IF;
END $$;

-- What follows from an entry beside its row: statements of the caller's, in order, each with its arguments as JSON and
-- with the place of the entry.
CREATE FUNCTION follow_1(steps jsonb, log bigint, base bigint, at bigint, epoch bigint, me text, mine bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    step record;
BEGIN
    FOR step IN SELECT * FROM jsonb_to_recordset(steps) AS s (sql text, place bigint, args jsonb) LOOP
        EXECUTE step.sql USING step.args, log, base + step.place, at, epoch, me, mine;
    END LOOP;
END $$;

-- For a step that needs what its decision saw: if another member has changed that, it is to be decided again.
CREATE FUNCTION need_1(is_there boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_there THEN
        RAISE EXCEPTION 'not there any more' USING ERRCODE = 'PE003';
    END IF;
END $$;

-- Jobs come in the order of their rooms' ids, so that no two members wait for each other. The outcome of each: 0 done,
-- 1 stale, 2 done before, 3 nick taken, 4 gone, 5 objected to by the schema.
CREATE FUNCTION append_1(
    me text, mine bigint,
    job_room bigint[], job_rules bigint[], job_at bigint[], job_events bigint[], job_archived bigint[],
    job_moves bigint[], job_quiet bigint[], job_closes boolean[], job_again boolean[], job_session bigint[], job_number bigint[],
    job_steps text[], job_late text[],
    event_job bigint[], event_place bigint[], event_class bigint[], event_ordinal bigint[], event_kind bigint[],
    event_settled bigint[], event_nick text[], event_jid text[], event_resource text[], event_occupant text[],
    event_stanza text[], event_lang text[], event_text text[], event_payload text[], event_lives bigint[],
    event_data text[],
    journal_job bigint[], journal_place bigint[], journal_change text[], journal_target bigint[]
) RETURNS TABLE (outcome bigint, first_seq bigint, stamp bigint, version bigint, quieted bigint) LANGUAGE plpgsql AS $$
DECLARE
    job record;
    head room_log;
    is_there boolean := false;
    found_seq bigint;
    found_at bigint;
    results bigint[] := '{}';
    bases bigint[] := '{}';
    stamps bigint[] := '{}';
    versions bigint[] := '{}';
    quiets bigint[] := '{}';
    ordinals bigint[] := '{}';
    epochs bigint[] := '{}';
    result bigint;
    base bigint;
    clamped bigint;
BEGIN
    PERFORM stand_1(me, mine);
    FOR job IN
        SELECT * FROM unnest(job_room, job_rules, job_at, job_events, job_archived, job_moves, job_quiet, job_closes, job_again,
            job_session, job_number, job_steps, job_late) WITH ORDINALITY
            AS j (room, rules, at, events, archived, moves, quiet, closes, again, session, number, steps, late, place)
    LOOP
        IF head.room IS DISTINCT FROM job.room THEN
            IF is_there THEN
                UPDATE room_log SET open = head.open, seq = head.seq, rules = head.rules, archived = head.archived,
                    last_at = head.last_at, quiet = head.quiet
                    WHERE room = head.room AND (seq <> head.seq OR quiet <> head.quiet);
            END IF;
            SELECT * INTO head FROM room_log WHERE room = job.room FOR NO KEY UPDATE;
            is_there := FOUND;
            head.room := job.room;
        END IF;
        base := head.seq + 1;
        clamped := greatest(head.last_at, job.at);
        found_seq := NULL;
        IF job.session IS NOT NULL THEN
            SELECT e.seq, e.at INTO found_seq, found_at FROM room_event e
                WHERE e.origin_session = job.session AND e.origin_number = job.number AND e.room = job.room;
        END IF;
        IF found_seq IS NOT NULL AND (head.open OR job.again) THEN
            result := 2;
            base := found_seq;
            clamped := found_at;
        ELSIF head.open IS NOT TRUE THEN
            result := 4;
        ELSIF head.rules <> job.rules THEN
            result := 1;
        ELSIF job.steps IS NULL THEN
            result := 0;
        ELSE
            BEGIN
                PERFORM follow_1(job.steps::jsonb, job.room, base, clamped, head.epoch, me, mine);
                result := 0;
            EXCEPTION
                WHEN SQLSTATE 'PE002' THEN
                    result := 3;
                WHEN SQLSTATE 'PE003' THEN
                    result := 1;
                WHEN integrity_constraint_violation THEN
                    RAISE LOG 'an append to room % was refused: %', job.room, SQLERRM;
                    result := 5;
            END;
        END IF;
        results[job.place] := result;
        bases[job.place] := base;
        stamps[job.place] := clamped;
        epochs[job.place] := head.epoch;
        ordinals[job.place] := head.archived;
        IF result = 0 THEN
            head.seq := head.seq + job.events;
            head.rules := head.rules + job.moves;
            head.quiet := head.quiet + job.quiet;
            head.archived := head.archived + job.archived;
            head.open := NOT job.closes;
            head.last_at := CASE WHEN job.events > 0 THEN clamped ELSE head.last_at END;
        END IF;
        versions[job.place] := head.rules;
        quiets[job.place] := head.quiet;
    END LOOP;
    IF is_there THEN
        UPDATE room_log SET open = head.open, seq = head.seq, rules = head.rules, archived = head.archived,
            last_at = head.last_at, quiet = head.quiet WHERE room = head.room AND (seq <> head.seq OR quiet <> head.quiet);
    END IF;

    INSERT INTO room_event (room, class, seq, epoch, at, ordinal, kind, origin_session, origin_number, origin_settled,
        nick, jid, resource, occupant_id, stanza_id, lang, text, payload, expires, data)
    SELECT job_room[e.job], e.class, bases[e.job] + e.place, epochs[e.job], stamps[e.job],
        ordinals[e.job] + e.ordinal, e.kind,
        -- The key stands on the first row only: a key is unique, and who looks for it wants the first seq.
        CASE WHEN e.place = 0 THEN job_session[e.job] END, CASE WHEN e.place = 0 THEN job_number[e.job] END,
        e.settled, e.nick, e.jid, e.resource, e.occupant, e.stanza, e.lang, e.text, e.payload,
        stamps[e.job] + e.lives, e.data
    FROM unnest(event_job, event_place, event_class, event_ordinal, event_kind, event_settled, event_nick, event_jid,
        event_resource, event_occupant, event_stanza, event_lang, event_text, event_payload, event_lives, event_data)
        AS e (job, place, class, ordinal, kind, settled, nick, jid, resource, occupant, stanza, lang, text, payload,
        lives, data)
    WHERE results[e.job] = 0;

    -- Content is copied to the journal before a retraction takes it out, and both come after it was written.
    IF cardinality(journal_job) > 0 THEN
        INSERT INTO journal (at, room, seq, change, original)
        SELECT stamps[j.job], job_room[j.job], bases[j.job] + j.place, j.change,
            CASE WHEN j.target IS NOT NULL THEN (
                SELECT json_build_object('at', o.at, 'nick', o.nick, 'jid', o.jid, 'text', o.text,
                    'payload', o.payload)::text
                FROM room_event o
                WHERE o.room = job_room[j.job] AND o.class IN (0, 1) AND o.seq = j.target AND o.kind <> 0) END
        FROM unnest(journal_job, journal_place, journal_change, journal_target) AS j (job, place, change, target)
        WHERE results[j.job] = 0;
    END IF;
    FOR job IN SELECT * FROM unnest(job_late) WITH ORDINALITY AS j (late, place) WHERE late IS NOT NULL LOOP
        IF results[job.place] = 0 THEN
            PERFORM follow_1(job.late::jsonb, job_room[job.place], bases[job.place], stamps[job.place],
                epochs[job.place], me, mine);
        END IF;
    END LOOP;
    RETURN QUERY SELECT * FROM unnest(results, bases, stamps, versions, quiets);
END $$;

-- Jobs have parts, one for each account that they concern, all of which are done or none. `accounts` are those of all
-- parts, sorted; `part_slot` says which of them. The outcome of each part: 0 done, 2 done before, 4 gone, 9 refused with
-- another part of its job. Should the schema object, nothing at all is done.
CREATE FUNCTION append_accounts_1(
    me text, mine bigint, accounts bigint[],
    part_job bigint[], part_slot bigint[], part_at bigint[], part_events bigint[], part_archived bigint[],
    part_handled bigint[], part_after bigint[], part_session bigint[], part_number bigint[], part_steps text[],
    event_part bigint[], event_place bigint[], event_class bigint[], event_ordinal bigint[], event_jid text[],
    event_resource text[], event_waits boolean[], event_input boolean[], event_lives bigint[],
    event_settled bigint[], event_text text[], event_change text[]
) RETURNS TABLE (outcome bigint, first_seq bigint, stamp bigint) LANGUAGE plpgsql AS $$
DECLARE
    head account_log;
    part record;
    slots bigint := cardinality(accounts);
    seqs bigint[];
    -- How far each log was when the call began, and where it was last moved in it by more than messages and inputs.
    heads bigint[];
    ruled bigint[];
    last_ats bigint[];
    archiveds bigint[];
    handleds bigint[];
    epochs bigint[];
    found_seq bigint;
    found_at bigint;
    results bigint[] := '{}';
    bases bigint[] := '{}';
    stamps bigint[] := '{}';
    ordinals bigint[] := '{}';
    here bigint := 1;
    last_part bigint := cardinality(part_job);
    ending bigint;
    is_refused boolean;
BEGIN
    PERFORM stand_1(me, mine);
    INSERT INTO account_log (account, epoch)
        SELECT a.id, meta.epoch FROM account a, meta
        WHERE a.id = ANY (accounts) AND NOT EXISTS (SELECT FROM account_log l WHERE l.account = a.id)
        ORDER BY a.id
        ON CONFLICT DO NOTHING;
    seqs := array_fill(NULL::bigint, ARRAY[slots::int]);
    last_ats := seqs; archiveds := seqs; handleds := seqs; epochs := seqs; ruled := seqs;
    FOR head IN SELECT l.* FROM account_log l WHERE l.account = ANY (accounts) ORDER BY l.account FOR NO KEY UPDATE
    LOOP
        WHILE accounts[here] < head.account LOOP
            here := here + 1;
        END LOOP;
        seqs[here] := head.seq;
        last_ats[here] := head.last_at;
        archiveds[here] := head.archived;
        handleds[here] := head.handled;
        epochs[here] := head.epoch;
    END LOOP;
    heads := seqs;

    here := 1;
    WHILE here <= last_part LOOP
        ending := here;
        WHILE ending < last_part AND part_job[ending + 1] = part_job[here] LOOP
            ending := ending + 1;
        END LOOP;
        is_refused := false;
        FOR n IN here..ending LOOP
            found_seq := NULL;
            IF part_session[n] IS NOT NULL THEN
                SELECT e.seq, e.at INTO found_seq, found_at FROM account_event e
                    WHERE e.origin_session = part_session[n] AND e.origin_number = part_number[n]
                    AND e.account = accounts[part_slot[n]];
            END IF;
            results[n] := CASE
                WHEN seqs[part_slot[n]] IS NULL THEN 4
                WHEN found_seq IS NOT NULL OR part_handled[n] <= handleds[part_slot[n]] THEN 2
                WHEN ruled[part_slot[n]] > part_after[n] THEN 3
                WHEN heads[part_slot[n]] > part_after[n] AND EXISTS (
                    SELECT FROM account_event e WHERE e.account = accounts[part_slot[n]] AND e.class IN (0, 1)
                    AND e.seq > part_after[n] AND e.jid IS NULL AND NOT e.is_input) THEN 3
                ELSE 0 END;
            bases[n] := coalesce(found_seq, seqs[part_slot[n]] + 1);
            stamps[n] := coalesce(CASE WHEN found_seq IS NOT NULL THEN found_at END, last_ats[part_slot[n]]);
            is_refused := is_refused OR results[n] <> 0;
        END LOOP;
        FOR n IN here..ending LOOP
            IF is_refused THEN
                results[n] := CASE results[n] WHEN 0 THEN 9 ELSE results[n] END;
                CONTINUE;
            END IF;
            bases[n] := seqs[part_slot[n]] + 1;
            stamps[n] := greatest(last_ats[part_slot[n]], part_at[n]);
            ordinals[n] := archiveds[part_slot[n]];
            IF part_steps[n] IS NOT NULL THEN
                PERFORM follow_1(part_steps[n]::jsonb, accounts[part_slot[n]], bases[n], stamps[n],
                    epochs[part_slot[n]], me, mine);
            END IF;
            seqs[part_slot[n]] := seqs[part_slot[n]] + part_events[n];
            IF part_after[n] IS NOT NULL AND part_events[n] > 0 THEN
                ruled[part_slot[n]] := seqs[part_slot[n]];
            END IF;
            last_ats[part_slot[n]] := stamps[n];
            archiveds[part_slot[n]] := archiveds[part_slot[n]] + part_archived[n];
            handleds[part_slot[n]] := greatest(handleds[part_slot[n]], part_handled[n]);
        END LOOP;
        here := ending + 1;
    END LOOP;

    UPDATE account_log l SET seq = seqs[s.slot], last_at = last_ats[s.slot], archived = archiveds[s.slot],
        handled = handleds[s.slot]
    FROM unnest(accounts) WITH ORDINALITY AS s (account, slot)
    WHERE l.account = s.account
        AND (l.seq <> seqs[s.slot] OR l.handled <> handleds[s.slot] OR l.last_at <> last_ats[s.slot]);
    INSERT INTO account_event (account, class, seq, epoch, at, ordinal, jid, resource, waits, is_input, expires,
        origin_session, origin_number, origin_settled, text, change)
    SELECT accounts[part_slot[e.part]], e.class, bases[e.part] + e.place, epochs[part_slot[e.part]], stamps[e.part],
        ordinals[e.part] + e.ordinal, e.jid, e.resource, e.waits, e.input, stamps[e.part] + e.lives,
        CASE WHEN e.place = 0 THEN part_session[e.part] END, CASE WHEN e.place = 0 THEN part_number[e.part] END,
        e.settled, e.text, e.change
    FROM unnest(event_part, event_place, event_class, event_ordinal, event_jid, event_resource, event_waits,
        event_input, event_lives, event_settled, event_text, event_change)
        AS e (part, place, class, ordinal, jid, resource, waits, input, lives, settled, text, change)
    WHERE results[e.part] = 0;
    RETURN QUERY SELECT * FROM unnest(results, bases, stamps);
END $$;
