CREATE FUNCTION campaigns_guard_announcement() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    publication text[] := ARRAY['shown_from', 'published_at', 'published_by_id', 'published_by_label'];
    withdrawal text[] := ARRAY['withdrawn_at', 'withdrawn_by_id', 'withdrawn_by_label', 'withdrawal_reason'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an announcement can be withdrawn, not deleted' USING ERRCODE = '23H03';
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM accounts_demand_hr(NEW.requested_by_id);
        PERFORM campaigns_demand_open(NEW.campaign_id);
        IF NEW.published_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL THEN
            RAISE EXCEPTION 'an announcement must be stored first and published by another person'
                USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.withdrawn_at IS NOT NULL
        OR to_jsonb(NEW) - publication - withdrawal <> to_jsonb(OLD) - publication - withdrawal
        OR (NEW.published_at IS NOT DISTINCT FROM OLD.published_at
            AND to_jsonb(NEW) - withdrawal <> to_jsonb(OLD) - withdrawal)
        OR (OLD.published_at IS NOT NULL AND NEW.published_at IS DISTINCT FROM OLD.published_at)
    THEN
        RAISE EXCEPTION 'an announcement is published and withdrawn once and cannot change' USING ERRCODE = '23H03';
    END IF;
    IF OLD.published_at IS NULL AND NEW.published_at IS NOT NULL THEN
        PERFORM accounts_demand_hr(NEW.published_by_id);
        PERFORM campaigns_demand_open(NEW.campaign_id);
        IF NEW.withdrawn_at IS NOT NULL OR NEW.published_at NOT BETWEEN NEW.requested_at AND hundred_clock()
            OR NEW.shown_from IS DISTINCT FROM greatest(OLD.shown_from, NEW.published_at)
        THEN
            RAISE EXCEPTION 'a publication must carry the current time and the requested beginning'
                USING ERRCODE = '23H03';
        END IF;
    END IF;
    IF NEW.withdrawn_at IS NOT NULL THEN
        PERFORM accounts_demand_hr(NEW.withdrawn_by_id);
        IF NEW.withdrawn_at NOT BETWEEN NEW.requested_at AND hundred_clock() THEN
            RAISE EXCEPTION 'a withdrawal must carry the current time' USING ERRCODE = '23H03';
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER campaigns_announcement_published_by_another BEFORE INSERT OR DELETE OR UPDATE ON campaigns_announcement
FOR EACH ROW EXECUTE FUNCTION campaigns_guard_announcement();
