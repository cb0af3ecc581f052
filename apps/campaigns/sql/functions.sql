CREATE FUNCTION campaigns_demand_open(campaign bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM 1 FROM campaigns_campaign WHERE id = campaign AND state IN ('draft', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a campaign that is over cannot be adjusted' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION campaigns_guard_adjustment() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    moving text[] := ARRAY['granted_at', 'ended_at', 'left_out'];
    asked campaigns_adjustmentrequest;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an adjustment can be ended, not deleted' USING ERRCODE = '23H03';
    END IF;
    SELECT * INTO asked FROM campaigns_adjustmentrequest WHERE id = NEW.request_id;
    IF TG_OP = 'INSERT' THEN
        IF asked.decision IS NOT NULL OR asked.ends_id IS NOT NULL OR asked.campaign_id <> NEW.campaign_id
            OR coalesce(asked.employee_id, NEW.employee_id) <> NEW.employee_id
            OR NEW.granted_at IS NOT NULL OR NEW.ended_at IS NOT NULL OR NEW.left_out <> ''
        THEN
            RAISE EXCEPTION 'an adjustment must be requested first and then approved' USING ERRCODE = '23H03';
        ELSIF accounts_employee_of(asked.asked_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'HR users cannot request for themselves' USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - moving <> to_jsonb(OLD) - moving
        OR (OLD.granted_at IS NOT NULL AND NEW.granted_at IS DISTINCT FROM OLD.granted_at)
        OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
        OR (OLD.left_out <> '' AND NEW.left_out <> OLD.left_out)
    THEN
        RAISE EXCEPTION 'an adjustment can be ended, not changed' USING ERRCODE = '23H03';
    END IF;
    IF NEW.granted_at IS DISTINCT FROM OLD.granted_at AND (asked.decision IS DISTINCT FROM 'granted'
        OR asked.decided_at <> NEW.granted_at OR accounts_employee_of(asked.decided_by_id) = NEW.employee_id)
    THEN
        RAISE EXCEPTION 'an adjustment needs the approval of another person' USING ERRCODE = '23H03';
    ELSIF NEW.ended_at IS DISTINCT FROM OLD.ended_at AND NOT EXISTS (
        SELECT 1 FROM campaigns_adjustmentrequest ending WHERE ending.ends_id = NEW.request_id
            AND ending.decision = 'granted' AND ending.decided_at = NEW.ended_at
            AND coalesce(ending.employee_id, NEW.employee_id) = NEW.employee_id
            AND accounts_employee_of(ending.asked_by_id) IS DISTINCT FROM NEW.employee_id
            AND accounts_employee_of(ending.decided_by_id) IS DISTINCT FROM NEW.employee_id
    ) THEN
        RAISE EXCEPTION 'the end of an adjustment needs the approval of another person' USING ERRCODE = '23H03';
    END IF;
    PERFORM campaigns_demand_open(NEW.campaign_id);
    RETURN NEW;
END $$;

CREATE FUNCTION campaigns_guard_campaign() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
                BEGIN
                    IF TG_OP = 'DELETE' THEN
                        RAISE EXCEPTION 'a campaign can be cancelled, not deleted' USING ERRCODE = '23H03';
                    END IF;
                    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
                        ('draft', 'open'), ('draft', 'cancelled'), ('open', 'closing'), ('open', 'cancelled'),
                        ('closing', 'frozen')
                    ) THEN
                        RAISE EXCEPTION 'campaign % cannot go from % to %', OLD.slug, OLD.state, NEW.state
                            USING ERRCODE = '23H03';
                    END IF;
                    IF OLD.snapshot_at IS NOT NULL AND OLD.snapshot_at IS DISTINCT FROM NEW.snapshot_at THEN
                        RAISE EXCEPTION 'the snapshot of campaign % cannot change', OLD.slug USING ERRCODE = '23H03';
                    END IF;
                    RETURN NEW;
                END $$;

CREATE FUNCTION campaigns_guard_request() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    decided text[] := ARRAY['decision', 'decided_at', 'decided_by_id', 'decided_by_label', 'note'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request can be decided, not deleted' USING ERRCODE = '23H03';
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM campaigns_demand_open(NEW.campaign_id);
        PERFORM accounts_demand_hr(NEW.asked_by_id);
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'a request must be stored first and decided by another person' USING ERRCODE = '23H03';
        ELSIF accounts_employee_of(NEW.asked_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'HR users cannot request for themselves' USING ERRCODE = '23H03';
        ELSIF NEW.ends_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM campaigns_adjustmentrequest ended WHERE ended.id = NEW.ends_id AND ended.decision = 'granted'
                AND ended.campaign_id = NEW.campaign_id AND ended.ends_id IS NULL
        ) THEN
            RAISE EXCEPTION 'only an approved adjustment can be ended' USING ERRCODE = '23H03';
        END IF;
    ELSIF OLD.decision IS NOT NULL OR to_jsonb(NEW) - decided <> to_jsonb(OLD) - decided THEN
        RAISE EXCEPTION 'a request can be decided only once and cannot change' USING ERRCODE = '23H03';
    ELSIF NEW.decision IS NOT NULL THEN
        PERFORM accounts_demand_hr(NEW.decided_by_id);
        IF NEW.decision <> 'withdrawn' AND accounts_employee_of(NEW.decided_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'HR users cannot decide about themselves' USING ERRCODE = '23H03';
        ELSIF NEW.decided_at NOT BETWEEN NEW.asked_at AND hundred_clock() THEN
            RAISE EXCEPTION 'a decision must carry the current time' USING ERRCODE = '23H03';
        ELSIF NEW.decision = 'granted' THEN
            PERFORM campaigns_demand_open(NEW.campaign_id);
        END IF;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION campaigns_guard_rule() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    newest campaigns_campaignrule;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a rule cannot change: insert a new version' USING ERRCODE = '23H03';
    END IF;
    PERFORM 1 FROM campaigns_campaign WHERE id = NEW.campaign_id AND state IN ('draft', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the rule of a campaign that is over cannot change' USING ERRCODE = '23H03';
    END IF;
    SELECT * INTO newest FROM campaigns_campaignrule WHERE campaign_id = NEW.campaign_id ORDER BY version DESC LIMIT 1;
    IF NEW.version <> coalesce(newest.version, 0) + 1 THEN
        RAISE EXCEPTION 'a rule version must follow the previous one' USING ERRCODE = '23H03';
    ELSIF NEW.version = 1 THEN
        RETURN NEW;
    ELSIF NEW.in_force_from < newest.in_force_from OR NEW.in_force_from > hundred_clock() THEN
        RAISE EXCEPTION 'a rule version must carry the current time' USING ERRCODE = '23H03';
    ELSIF NEW.in_force_from >= least(newest.cutoff_at, NEW.cutoff_at) THEN
        RAISE EXCEPTION 'a rule can change only before its cut-off, to one in the future' USING ERRCODE = '23H03';
    ELSIF NEW.in_force_from >= newest.opens_at AND NEW.reason = '' THEN
        RAISE EXCEPTION 'a change after the opening needs a reason' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
