"""Why contacts did not count in a result, kept with it: stored while it is made, and never changed.

Results of before have none: what counted in them is told from the facts, as it was until now.
"""

import django.db.models.deletion
from django.db import migrations, models

GUARD = """
CREATE FUNCTION quotas_guard_frozen_reasons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM quotas_refuse_result(campaign_id, 1) FROM (SELECT DISTINCT campaign_id FROM added) one;
    RETURN NULL;
END $$;
CREATE TRIGGER quotas_frozen_reasons AFTER INSERT ON quotas_frozenreason REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION quotas_guard_frozen_reasons();
CREATE TRIGGER quotas_frozenreason_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON quotas_frozenreason
    FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();
"""
DROP = """
DROP TRIGGER quotas_frozenreason_append_only ON quotas_frozenreason;
DROP TRIGGER quotas_frozen_reasons ON quotas_frozenreason;
DROP FUNCTION quotas_guard_frozen_reasons();
"""
KINDS = ["ended", "not_external", "unconfirmed", "claimed"]


def of(model: str) -> models.ForeignKey:
    """A key as the other rows of a result have it: checked by the result, indexed by what is asked."""
    return models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=model, db_constraint=False, db_index=False)


class Migration(migrations.Migration):
    dependencies = [
        ("quotas", "0008_adjustments_guarded"),
        ("contacts", "0003_file_imports"),
    ]

    operations = [
        migrations.AddField(
            model_name="frozenresult",
            name="reasons_kept",
            field=models.BooleanField(
                db_default=False, default=False, help_text="whether FrozenReason has why contacts did not count in it"
            ),
        ),
        migrations.CreateModel(
            name="FrozenReason",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("reason", models.TextField()),
                ("campaign", of("quotas.campaign")),
                ("contact", of("contacts.contact")),
                ("employee", of("employees.employee")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("campaign", "employee", "contact"), name="quotas_frozen_reason_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", KINDS)), name="quotas_frozen_reason_known"
                    ),
                ],
            },
        ),
        migrations.RunSQL(sql=GUARD, reverse_sql=DROP),
    ]
