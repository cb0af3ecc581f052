CREATE FUNCTION results_guard_correction() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a correction can be refused, not deleted' USING ERRCODE = '23H03';
    END IF;
    IF TG_OP = 'INSERT' AND NEW.state <> 'asked' THEN
        RAISE EXCEPTION 'a correction must be requested before it is decided' USING ERRCODE = '23H03';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.state <> 'asked' OR NEW.state = 'asked'
        OR (OLD.campaign_id, OLD.reason, OLD.evidence, OLD.asked_at, OLD.asked_by_id, OLD.asked_by_label)
           IS DISTINCT FROM
           (NEW.campaign_id, NEW.reason, NEW.evidence, NEW.asked_at, NEW.asked_by_id, NEW.asked_by_label)) THEN
        RAISE EXCEPTION 'a correction can be decided only once and cannot change' USING ERRCODE = '23H03';
    END IF;
    IF NOT EXISTS (SELECT FROM accounts_role WHERE role = 'hr'
                   AND account_id = coalesce(NEW.decided_by_id, NEW.asked_by_id)) THEN
        RAISE EXCEPTION 'only HR can request and decide corrections' USING ERRCODE = '23H03';
    END IF;
    IF TG_OP = 'UPDATE' AND EXISTS (
        SELECT FROM results_correctionline line JOIN accounts_account account USING (employee_id)
        WHERE line.correction_id = NEW.id AND account.id IN (NEW.asked_by_id, NEW.decided_by_id)
    ) THEN
        RAISE EXCEPTION 'HR users cannot correct their own standing' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION results_guard_correction_line() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM FROM results_resultcorrection WHERE id = NEW.correction_id AND state = 'asked' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a decided correction cannot change' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION results_guard_freeze() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW.state = 'frozen' AND OLD.state <> 'frozen' AND NOT EXISTS (
        SELECT FROM results_frozenresult WHERE campaign_id = NEW.id AND version = 1) THEN
        RAISE EXCEPTION 'campaign % cannot be frozen without a result', NEW.slug USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION results_guard_frozen_reasons() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM results_refuse_result(campaign_id, 1) FROM (SELECT DISTINCT campaign_id FROM added) one;
    RETURN NULL;
END $$;

CREATE FUNCTION results_guard_frozen_rows() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM results_refuse_result(campaign_id, version) FROM (SELECT DISTINCT campaign_id, version FROM added) one;
    RETURN NULL;
END $$;

CREATE FUNCTION results_guard_frozen_tree() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM results_refuse_result(campaign_id, 1) FROM (SELECT DISTINCT campaign_id FROM added) one;
    RETURN NULL;
END $$;

CREATE FUNCTION results_guard_result() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    counted_rows int;
    red_rows int;
BEGIN
    PERFORM results_refuse_result(NEW.campaign_id, NEW.version);
    SELECT count(*), count(*) FILTER (WHERE red) INTO counted_rows, red_rows FROM results_frozenstanding
    WHERE campaign_id = NEW.campaign_id AND version = NEW.version;
    IF (counted_rows, red_rows) IS DISTINCT FROM (NEW.rows, NEW.red) THEN
        RAISE EXCEPTION 'the totals of a result must match its rows' USING ERRCODE = '23H03';
    END IF;
    IF NEW.version > 1 AND EXISTS (
        SELECT FROM (SELECT * FROM results_frozenstanding
                     WHERE campaign_id = NEW.campaign_id AND version = NEW.version - 1) before
        FULL JOIN (SELECT * FROM results_frozenstanding
                   WHERE campaign_id = NEW.campaign_id AND version = NEW.version) after USING (employee_id)
        LEFT JOIN (SELECT line.* FROM results_correctionline line
                   JOIN results_resultcorrection correction ON correction.id = line.correction_id
                   WHERE correction.campaign_id = NEW.campaign_id AND correction.result_version = NEW.version
        ) wanted USING (employee_id)
        WHERE (after.staff_no, after.counted, after.target, after.exempt) IS DISTINCT FROM (before.staff_no,
            coalesce(wanted.counted, before.counted), coalesce(wanted.target, before.target),
            coalesce(wanted.exempt, before.exempt))
    ) THEN
        RAISE EXCEPTION 'a corrected result can differ only where its correction was approved' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION results_refuse_result(campaign bigint, result_version integer) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF EXISTS (SELECT FROM results_frozenresult stored
               WHERE stored.campaign_id = campaign AND stored.version >= result_version) THEN
        RAISE EXCEPTION 'version % of this result already exists', result_version USING ERRCODE = '23H03';
    END IF;
    IF result_version = 1 AND NOT EXISTS (
        SELECT FROM campaigns_campaign one
        WHERE one.id = campaign AND one.state = 'closing' AND one.snapshot_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'a result can be stored only while its campaign closes, at its snapshot' USING ERRCODE = '23H03';
    END IF;
    IF result_version > 1 AND NOT EXISTS (
        SELECT FROM results_resultcorrection granted JOIN results_frozenresult base USING (campaign_id)
        WHERE granted.campaign_id = campaign AND granted.state = 'granted'
          AND granted.result_version = results_refuse_result.result_version
          AND base.version = results_refuse_result.result_version - 1
    ) THEN
        RAISE EXCEPTION 'a later version needs a correction approved by a second person' USING ERRCODE = '23H03';
    END IF;
END $$;
