CREATE FUNCTION campaigns_demand_open(campaign bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM 1 FROM campaigns_campaign WHERE id = campaign AND state IN ('draft', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing is adjusted in a campaign that is over' USING ERRCODE = '23H03';
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
        RAISE EXCEPTION 'an adjustment is ended, never deleted' USING ERRCODE = '23H03';
    END IF;
    SELECT * INTO asked FROM campaigns_adjustmentrequest WHERE id = NEW.request_id;
    IF TG_OP = 'INSERT' THEN
        IF asked.decision IS NOT NULL OR asked.ends_id IS NOT NULL OR asked.campaign_id <> NEW.campaign_id
            OR coalesce(asked.employee_id, NEW.employee_id) <> NEW.employee_id
            OR NEW.granted_at IS NOT NULL OR NEW.ended_at IS NOT NULL OR NEW.left_out <> ''
        THEN
            RAISE EXCEPTION 'an adjustment is asked first and granted by another' USING ERRCODE = '23H03';
        ELSIF accounts_employee_of(asked.asked_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'nobody asks for themself' USING ERRCODE = '23H03';
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(NEW) - moving <> to_jsonb(OLD) - moving
        OR (OLD.granted_at IS NOT NULL AND NEW.granted_at IS DISTINCT FROM OLD.granted_at)
        OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at)
        OR (OLD.left_out <> '' AND NEW.left_out <> OLD.left_out)
    THEN
        RAISE EXCEPTION 'what was adjusted is never changed, only ended' USING ERRCODE = '23H03';
    END IF;
    IF NEW.granted_at IS DISTINCT FROM OLD.granted_at AND (asked.decision IS DISTINCT FROM 'granted'
        OR asked.decided_at <> NEW.granted_at OR accounts_employee_of(asked.decided_by_id) = NEW.employee_id)
    THEN
        RAISE EXCEPTION 'an adjustment counts when another has granted it' USING ERRCODE = '23H03';
    ELSIF NEW.ended_at IS DISTINCT FROM OLD.ended_at AND NOT EXISTS (
        SELECT 1 FROM campaigns_adjustmentrequest ending WHERE ending.ends_id = NEW.request_id
            AND ending.decision = 'granted' AND ending.decided_at = NEW.ended_at
            AND coalesce(ending.employee_id, NEW.employee_id) = NEW.employee_id
            AND accounts_employee_of(ending.asked_by_id) IS DISTINCT FROM NEW.employee_id
            AND accounts_employee_of(ending.decided_by_id) IS DISTINCT FROM NEW.employee_id
    ) THEN
        RAISE EXCEPTION 'an adjustment ends when another has granted its end' USING ERRCODE = '23H03';
    END IF;
    PERFORM campaigns_demand_open(NEW.campaign_id);
    RETURN NEW;
END $$;

CREATE FUNCTION campaigns_guard_campaign() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
                BEGIN
                    IF TG_OP = 'DELETE' THEN
                        RAISE EXCEPTION 'a campaign is cancelled, never deleted' USING ERRCODE = '23H03';
                    END IF;
                    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
                        ('draft', 'open'), ('draft', 'cancelled'), ('open', 'closing'), ('open', 'cancelled'),
                        ('closing', 'frozen')
                    ) THEN
                        RAISE EXCEPTION 'campaign % cannot go from % to %', OLD.slug, OLD.state, NEW.state
                            USING ERRCODE = '23H03';
                    END IF;
                    IF OLD.snapshot_at IS NOT NULL AND OLD.snapshot_at IS DISTINCT FROM NEW.snapshot_at THEN
                        RAISE EXCEPTION 'campaign % keeps its instant of freezing', OLD.slug USING ERRCODE = '23H03';
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
        RAISE EXCEPTION 'a request is decided, never deleted' USING ERRCODE = '23H03';
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM campaigns_demand_open(NEW.campaign_id);
        PERFORM accounts_demand_hr(NEW.asked_by_id);
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'a request is asked first and decided by another' USING ERRCODE = '23H03';
        ELSIF accounts_employee_of(NEW.asked_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'nobody asks for themself' USING ERRCODE = '23H03';
        ELSIF NEW.ends_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM campaigns_adjustmentrequest ended WHERE ended.id = NEW.ends_id AND ended.decision = 'granted'
                AND ended.campaign_id = NEW.campaign_id AND ended.ends_id IS NULL
        ) THEN
            RAISE EXCEPTION 'only what was granted can be ended' USING ERRCODE = '23H03';
        END IF;
    ELSIF OLD.decision IS NOT NULL OR to_jsonb(NEW) - decided <> to_jsonb(OLD) - decided THEN
        RAISE EXCEPTION 'a request is decided once, and never changed' USING ERRCODE = '23H03';
    ELSIF NEW.decision IS NOT NULL THEN
        PERFORM accounts_demand_hr(NEW.decided_by_id);
        IF NEW.decision <> 'withdrawn' AND accounts_employee_of(NEW.decided_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'nobody decides about themself' USING ERRCODE = '23H03';
        ELSIF NEW.decided_at NOT BETWEEN NEW.asked_at AND hundred_clock() THEN
            RAISE EXCEPTION 'a decision is dated when it is made' USING ERRCODE = '23H03';
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
        RAISE EXCEPTION 'a rule is never changed: write a new version' USING ERRCODE = '23H03';
    END IF;
    PERFORM 1 FROM campaigns_campaign WHERE id = NEW.campaign_id AND state IN ('draft', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the rule of a campaign that is over cannot change' USING ERRCODE = '23H03';
    END IF;
    SELECT * INTO newest FROM campaigns_campaignrule WHERE campaign_id = NEW.campaign_id ORDER BY version DESC LIMIT 1;
    IF NEW.version <> coalesce(newest.version, 0) + 1 THEN
        RAISE EXCEPTION 'a version of a rule follows the one before it' USING ERRCODE = '23H03';
    ELSIF NEW.version = 1 THEN
        RETURN NEW;
    ELSIF NEW.in_force_from < newest.in_force_from OR NEW.in_force_from > hundred_clock() THEN
        RAISE EXCEPTION 'a change of a rule is dated when it is made' USING ERRCODE = '23H03';
    ELSIF NEW.in_force_from >= least(newest.cutoff_at, NEW.cutoff_at) THEN
        RAISE EXCEPTION 'a rule changes before its cut-off, and to one that is ahead' USING ERRCODE = '23H03';
    ELSIF NEW.in_force_from >= newest.opens_at AND NEW.reason = '' THEN
        RAISE EXCEPTION 'a change after the opening has a reason' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
