"""A campaign's state, its K and its rules move only along the listed ways, and nothing leads out of frozen."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial"), ("ledger", "0003_append_only_audit")]

    operations = [
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION quotas_guard_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
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
                    IF OLD.kept_until IS NOT NULL AND OLD.kept_until IS DISTINCT FROM NEW.kept_until THEN
                        RAISE EXCEPTION 'campaign % keeps its instant of freezing', OLD.slug USING ERRCODE = '23H03';
                    END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER quotas_campaign_transition BEFORE UPDATE OR DELETE ON quotas_campaign
                    FOR EACH ROW EXECUTE FUNCTION quotas_guard_campaign();
                CREATE FUNCTION quotas_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF TG_OP <> 'INSERT' THEN
                        RAISE EXCEPTION 'a rule is never changed: write a new version' USING ERRCODE = '23H03';
                    END IF;
                    PERFORM 1 FROM quotas_campaign WHERE id = NEW.campaign_id AND state IN ('draft', 'open') FOR SHARE;
                    IF NOT FOUND THEN
                        RAISE EXCEPTION 'the rule of a campaign that is over cannot change' USING ERRCODE = '23H03';
                    END IF;
                    RETURN NEW;
                END $$;
                CREATE TRIGGER quotas_rule_versions BEFORE INSERT OR UPDATE OR DELETE ON quotas_campaignrule
                    FOR EACH ROW EXECUTE FUNCTION quotas_guard_rule();
            """,
            reverse_sql="""
                DROP TRIGGER quotas_rule_versions ON quotas_campaignrule;
                DROP FUNCTION quotas_guard_rule();
                DROP TRIGGER quotas_campaign_transition ON quotas_campaign;
                DROP FUNCTION quotas_guard_campaign();
            """,
        )
    ]
