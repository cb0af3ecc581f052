"""A result is stored once, whole, and never changed; a correction is granted by a second person, for its lines alone.

The campaign must be closing with its K for the first version; every later one needs a correction that was granted for
it. Nothing is frozen without a result.
"""

from django.db import migrations

APPEND_ONLY = "".join(
    f"""
    CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();"""
    for table in ("quotas_frozenresult", "quotas_frozenstanding", "quotas_frozennode", "quotas_correctionline")
)
STORE = """
ALTER TABLE quotas_frozenstanding ADD CONSTRAINT quotas_frozen_of_result
    FOREIGN KEY (campaign_id, version) REFERENCES quotas_frozenresult (campaign_id, version)
    DEFERRABLE INITIALLY DEFERRED;

CREATE FUNCTION quotas_refuse_result(campaign bigint, result_version int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM quotas_frozenresult stored
               WHERE stored.campaign_id = campaign AND stored.version >= result_version) THEN
        RAISE EXCEPTION 'version % of this result stands already', result_version USING ERRCODE = '23H03';
    END IF;
    IF result_version = 1 AND NOT EXISTS (
        SELECT FROM quotas_campaign one
        WHERE one.id = campaign AND one.state = 'closing' AND one.kept_until IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'a result is stored while its campaign is closing, with its instant' USING ERRCODE = '23H03';
    END IF;
    IF result_version > 1 AND NOT EXISTS (
        SELECT FROM quotas_resultcorrection granted JOIN quotas_frozenresult base USING (campaign_id)
        WHERE granted.campaign_id = campaign AND granted.state = 'granted'
          AND granted.result_version = quotas_refuse_result.result_version
          AND base.version = quotas_refuse_result.result_version - 1
    ) THEN
        RAISE EXCEPTION 'a later version needs a correction that a second person granted' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION quotas_guard_frozen_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM quotas_refuse_result(campaign_id, version) FROM (SELECT DISTINCT campaign_id, version FROM added) one;
    RETURN NULL;
END $$;
CREATE TRIGGER quotas_frozen_rows AFTER INSERT ON quotas_frozenstanding REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION quotas_guard_frozen_rows();

CREATE FUNCTION quotas_guard_frozen_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM quotas_refuse_result(campaign_id, 1) FROM (SELECT DISTINCT campaign_id FROM added) one;
    RETURN NULL;
END $$;
CREATE TRIGGER quotas_frozen_tree AFTER INSERT ON quotas_frozennode REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION quotas_guard_frozen_tree();

CREATE FUNCTION quotas_guard_result() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counted_rows int;
    red_rows int;
BEGIN
    PERFORM quotas_refuse_result(NEW.campaign_id, NEW.version);
    SELECT count(*), count(*) FILTER (WHERE red) INTO counted_rows, red_rows FROM quotas_frozenstanding
    WHERE campaign_id = NEW.campaign_id AND version = NEW.version;
    IF (counted_rows, red_rows) IS DISTINCT FROM (NEW.rows, NEW.red) THEN
        RAISE EXCEPTION 'a result counts its own rows' USING ERRCODE = '23H03';
    END IF;
    IF NEW.version > 1 AND EXISTS (
        SELECT FROM (SELECT * FROM quotas_frozenstanding
                     WHERE campaign_id = NEW.campaign_id AND version = NEW.version - 1) before
        FULL JOIN (SELECT * FROM quotas_frozenstanding
                   WHERE campaign_id = NEW.campaign_id AND version = NEW.version) after USING (employee_id)
        LEFT JOIN (SELECT line.* FROM quotas_correctionline line
                   JOIN quotas_resultcorrection correction ON correction.id = line.correction_id
                   WHERE correction.campaign_id = NEW.campaign_id AND correction.result_version = NEW.version
        ) wanted USING (employee_id)
        WHERE (after.staff_no, after.counted, after.target, after.exempt) IS DISTINCT FROM (before.staff_no,
            coalesce(wanted.counted, before.counted), coalesce(wanted.target, before.target),
            coalesce(wanted.exempt, before.exempt))
    ) THEN
        RAISE EXCEPTION 'a correction changes what it was granted for, and nothing else' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_result_stored BEFORE INSERT ON quotas_frozenresult
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_result();
"""
CORRECTIONS = """
CREATE FUNCTION quotas_guard_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a correction is refused, never deleted' USING ERRCODE = '23H03';
    END IF;
    IF TG_OP = 'INSERT' AND NEW.state <> 'asked' THEN
        RAISE EXCEPTION 'a correction is asked for first' USING ERRCODE = '23H03';
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.state <> 'asked' OR NEW.state = 'asked'
        OR (OLD.campaign_id, OLD.reason, OLD.evidence, OLD.asked_at, OLD.asked_by_id, OLD.asked_by_label)
           IS DISTINCT FROM
           (NEW.campaign_id, NEW.reason, NEW.evidence, NEW.asked_at, NEW.asked_by_id, NEW.asked_by_label)) THEN
        RAISE EXCEPTION 'a correction is decided once and never changed' USING ERRCODE = '23H03';
    END IF;
    IF NOT EXISTS (SELECT FROM employees_role WHERE role = 'hr'
                   AND account_id = coalesce(NEW.decided_by_id, NEW.asked_by_id)) THEN
        RAISE EXCEPTION 'a correction is for people of HR' USING ERRCODE = '23H03';
    END IF;
    IF TG_OP = 'UPDATE' AND EXISTS (
        SELECT FROM quotas_correctionline line JOIN employees_account account USING (employee_id)
        WHERE line.correction_id = NEW.id AND account.id IN (NEW.asked_by_id, NEW.decided_by_id)
    ) THEN
        RAISE EXCEPTION 'nobody corrects their own standing' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_correction_ways BEFORE INSERT OR UPDATE OR DELETE ON quotas_resultcorrection
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_correction();

CREATE FUNCTION quotas_guard_correction_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM quotas_resultcorrection WHERE id = NEW.correction_id AND state = 'asked' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a correction that was decided changes no more' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_correction_line_added BEFORE INSERT ON quotas_correctionline
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_correction_line();
"""
FREEZE = """
CREATE FUNCTION quotas_guard_freeze() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'frozen' AND OLD.state <> 'frozen' AND NOT EXISTS (
        SELECT FROM quotas_frozenresult WHERE campaign_id = NEW.id AND version = 1) THEN
        RAISE EXCEPTION 'campaign % cannot be frozen without a result', NEW.slug USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_campaign_freeze BEFORE UPDATE ON quotas_campaign
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_freeze();
"""
DROP = """
DROP TRIGGER quotas_campaign_freeze ON quotas_campaign;
DROP FUNCTION quotas_guard_freeze();
DROP TRIGGER quotas_correction_line_added ON quotas_correctionline;
DROP FUNCTION quotas_guard_correction_line();
DROP TRIGGER quotas_correction_ways ON quotas_resultcorrection;
DROP FUNCTION quotas_guard_correction();
DROP TRIGGER quotas_result_stored ON quotas_frozenresult;
DROP FUNCTION quotas_guard_result();
DROP TRIGGER quotas_frozen_tree ON quotas_frozennode;
DROP FUNCTION quotas_guard_frozen_tree();
DROP TRIGGER quotas_frozen_rows ON quotas_frozenstanding;
DROP FUNCTION quotas_guard_frozen_rows();
DROP FUNCTION quotas_refuse_result(bigint, int);
ALTER TABLE quotas_frozenstanding DROP CONSTRAINT quotas_frozen_of_result;
""" + "".join(
    f"DROP TRIGGER {table}_append_only ON {table};"
    for table in ("quotas_frozenresult", "quotas_frozenstanding", "quotas_frozennode", "quotas_correctionline")
)


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0004_frozen_results"),
        ("employees", "0002_period_integrity"),
        ("ledger", "0003_append_only_audit"),
    ]

    operations = [migrations.RunSQL(sql=STORE + CORRECTIONS + FREEZE + APPEND_ONLY, reverse_sql=DROP)]
