-- Which database this was when it was last worked on. What comes after it may lack what was acknowledged there.
ALTER TABLE meta
    ADD COLUMN system   bigint,                  -- the instance, as PostgreSQL numbers it: one made anew has another
    ADD COLUMN timeline bigint,                  -- raised by a promotion, and by a recovery to a point in time
    ADD COLUMN site     text;                    -- perch.site; hosts of one site lose nothing that was acknowledged

-- A member's lives are numbered in a range of the epoch: one that began under an older epoch is never taken for one of
-- a later. This is what comes before the first of them.
CREATE FUNCTION lives_before_1(epoch bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT (epoch - 1) * 1000000';

-- As before, and more: a host that claims to be of a site commits nothing that no standby of it waits for. Older
-- members are held to it too.
CREATE OR REPLACE FUNCTION stand_1(me text, mine bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM member WHERE name = me AND incarnation = mine FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'member % is no longer at incarnation %', me, mine USING ERRCODE = 'PE001';
    END IF;
    IF current_setting('perch.site', true) <> '' AND current_setting('synchronous_standby_names') = '' THEN
        RAISE EXCEPTION 'this host is of the site "%", but its commits wait for no standby: set '
            'synchronous_standby_names, or take perch.site away', current_setting('perch.site')
            USING ERRCODE = 'PE003';
    END IF;
END $$;
