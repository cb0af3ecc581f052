"""Results say in which form they were signed, hand-overs keep their signature, no signing key stays in the database.

A key that was kept in the database was in every dump: it signs nothing any more. What it has signed keeps its public
key and still verifies.
"""

import django.db.models.deletion
from django.db import migrations, models

GUARD = """
CREATE OR REPLACE FUNCTION quotas_guard_export() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bytes text[] := ARRAY['file_id', 'signature_id'];
    making text[] := ARRAY['state', 'attempts', 'made_at', 'rows', 'size', 'sha256', 'error'] || bytes;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an export keeps its manifest' USING ERRCODE = '23H03';
    ELSIF to_jsonb(NEW) - making <> to_jsonb(OLD) - making THEN
        RAISE EXCEPTION 'what was asked for never changes' USING ERRCODE = '23H03';
    ELSIF OLD.state <> 'waiting' AND (to_jsonb(NEW) - bytes <> to_jsonb(OLD) - bytes
            OR (NEW.file_id IS NOT NULL AND NEW.file_id IS DISTINCT FROM OLD.file_id)
            OR (NEW.signature_id IS NOT NULL AND NEW.signature_id IS DISTINCT FROM OLD.signature_id)) THEN
        RAISE EXCEPTION 'a manifest never changes' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
"""
FORGET_KEY = "DELETE FROM ledger_setting WHERE name = 'signing_key'"


class Migration(migrations.Migration):
    dependencies = [("quotas", "0019_newest_day"), ("ledger", "0003_append_only_audit")]

    operations = [
        migrations.AddField(
            model_name="frozenresult",
            name="canonical_form",
            field=models.IntegerField(db_default=1, default=1, help_text="which columns the signature covers"),
        ),
        migrations.AddField(
            model_name="export",
            name="signature",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="ledger.storedfile",
            ),
        ),
        migrations.RunSQL(GUARD, migrations.RunSQL.noop),
        migrations.RunSQL(FORGET_KEY, migrations.RunSQL.noop),
    ]
