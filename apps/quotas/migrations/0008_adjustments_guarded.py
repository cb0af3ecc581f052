"""Whoever writes: nothing counts that another has not granted, nobody decides about themself, nothing is rewritten."""

from django.db import migrations

GUARDS = """
CREATE FUNCTION quotas_employee_of(account bigint) RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT employee_id FROM employees_account WHERE id = account $$;

-- Held against being taken away while the act is under way.
CREATE FUNCTION quotas_demand_hr(account bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM employees_role WHERE account_id = account AND role = 'hr' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only HR adjusts' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION quotas_demand_open(campaign bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM quotas_campaign WHERE id = campaign AND state IN ('draft', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nothing is adjusted in a campaign that is over' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION quotas_guard_request() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[] := ARRAY['decision', 'decided_at', 'decided_by_id', 'decided_by_label', 'note'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a request is decided, never deleted' USING ERRCODE = '23H03';
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM quotas_demand_open(NEW.campaign_id);
        PERFORM quotas_demand_hr(NEW.asked_by_id);
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'a request is asked first and decided by another' USING ERRCODE = '23H03';
        ELSIF quotas_employee_of(NEW.asked_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'nobody asks for themself' USING ERRCODE = '23H03';
        ELSIF NEW.ends_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM quotas_adjustmentrequest ended WHERE ended.id = NEW.ends_id AND ended.decision = 'granted'
                AND ended.campaign_id = NEW.campaign_id AND ended.ends_id IS NULL
        ) THEN
            RAISE EXCEPTION 'only what was granted can be ended' USING ERRCODE = '23H03';
        END IF;
    ELSIF OLD.decision IS NOT NULL OR to_jsonb(NEW) - decided <> to_jsonb(OLD) - decided THEN
        RAISE EXCEPTION 'a request is decided once, and never changed' USING ERRCODE = '23H03';
    ELSIF NEW.decision IS NOT NULL THEN
        PERFORM quotas_demand_hr(NEW.decided_by_id);
        IF NEW.decision <> 'withdrawn' AND quotas_employee_of(NEW.decided_by_id) = NEW.employee_id THEN
            RAISE EXCEPTION 'nobody decides about themself' USING ERRCODE = '23H03';
        ELSIF NEW.decided_at NOT BETWEEN NEW.asked_at AND hundred_clock() THEN
            RAISE EXCEPTION 'a decision is dated when it is made' USING ERRCODE = '23H03';
        ELSIF NEW.decision = 'granted' THEN
            PERFORM quotas_demand_open(NEW.campaign_id);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_request_decided_once BEFORE INSERT OR UPDATE OR DELETE ON quotas_adjustmentrequest
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_request();

CREATE FUNCTION quotas_guard_adjustment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moving text[] := ARRAY['granted_at', 'ended_at', 'left_out'];
    asked quotas_adjustmentrequest;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an adjustment is ended, never deleted' USING ERRCODE = '23H03';
    END IF;
    SELECT * INTO asked FROM quotas_adjustmentrequest WHERE id = NEW.request_id;
    IF TG_OP = 'INSERT' THEN
        IF asked.decision IS NOT NULL OR asked.ends_id IS NOT NULL OR asked.campaign_id <> NEW.campaign_id
            OR coalesce(asked.employee_id, NEW.employee_id) <> NEW.employee_id
            OR NEW.granted_at IS NOT NULL OR NEW.ended_at IS NOT NULL OR NEW.left_out <> ''
        THEN
            RAISE EXCEPTION 'an adjustment is asked first and granted by another' USING ERRCODE = '23H03';
        ELSIF quotas_employee_of(asked.asked_by_id) = NEW.employee_id THEN
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
        OR asked.decided_at <> NEW.granted_at OR quotas_employee_of(asked.decided_by_id) = NEW.employee_id)
    THEN
        RAISE EXCEPTION 'an adjustment counts when another has granted it' USING ERRCODE = '23H03';
    ELSIF NEW.ended_at IS DISTINCT FROM OLD.ended_at AND NOT EXISTS (
        SELECT 1 FROM quotas_adjustmentrequest ending WHERE ending.ends_id = NEW.request_id
            AND ending.decision = 'granted' AND ending.decided_at = NEW.ended_at
            AND coalesce(ending.employee_id, NEW.employee_id) = NEW.employee_id
            AND quotas_employee_of(ending.asked_by_id) IS DISTINCT FROM NEW.employee_id
            AND quotas_employee_of(ending.decided_by_id) IS DISTINCT FROM NEW.employee_id
    ) THEN
        RAISE EXCEPTION 'an adjustment ends when another has granted its end' USING ERRCODE = '23H03';
    END IF;
    PERFORM quotas_demand_open(NEW.campaign_id);
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_adjustment_granted_by_another BEFORE INSERT OR UPDATE OR DELETE ON quotas_adjustment
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_adjustment();
"""
NO_GUARDS = """
DROP TRIGGER quotas_adjustment_granted_by_another ON quotas_adjustment;
DROP FUNCTION quotas_guard_adjustment();
DROP TRIGGER quotas_request_decided_once ON quotas_adjustmentrequest;
DROP FUNCTION quotas_guard_request();
DROP FUNCTION quotas_demand_open(bigint);
DROP FUNCTION quotas_demand_hr(bigint);
DROP FUNCTION quotas_employee_of(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0007_adjustments_granted_by_another"), ("employees", "0002_period_integrity")]

    operations = [migrations.RunSQL(GUARDS, NO_GUARDS)]
