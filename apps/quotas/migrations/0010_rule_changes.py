"""A version of a rule says why and by whom, follows the one before it, and comes before both cut-offs."""

from django.db import migrations, models

GUARD = """
CREATE OR REPLACE FUNCTION quotas_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    newest quotas_campaignrule;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'a rule is never changed: write a new version' USING ERRCODE = '23H03';
    END IF;
    PERFORM 1 FROM quotas_campaign WHERE id = NEW.campaign_id AND state IN ('draft', 'open') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the rule of a campaign that is over cannot change' USING ERRCODE = '23H03';
    END IF;
    SELECT * INTO newest FROM quotas_campaignrule WHERE campaign_id = NEW.campaign_id ORDER BY version DESC LIMIT 1;
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
"""
BEFORE = """
CREATE OR REPLACE FUNCTION quotas_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
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
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0009_frozen_reasons")]

    operations = [
        migrations.AddField(
            model_name="campaignrule",
            name="reason",
            field=models.TextField(
                blank=True, default="", db_default="", help_text="why it was changed; required after the opening"
            ),
        ),
        migrations.AddField(
            model_name="campaignrule",
            name="changed_by_label",
            field=models.TextField(blank=True, default="", db_default=""),
        ),
        migrations.AddField(model_name="campaignrule", name="key", field=models.UUIDField(null=True, unique=True)),
        migrations.RunSQL(sql=GUARD, reverse_sql=BEFORE),
    ]
