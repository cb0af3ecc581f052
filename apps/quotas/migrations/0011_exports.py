"""Exports: what was asked for, and the manifest of what was made of it."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

# What was asked for, and the manifest once it is made, never change; the bytes alone expire.
GUARD = """
CREATE FUNCTION quotas_guard_export() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    making text[] := ARRAY['state', 'attempts', 'made_at', 'rows', 'size', 'sha256', 'error', 'file_id'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an export keeps its manifest' USING ERRCODE = '23H03';
    ELSIF to_jsonb(NEW) - making <> to_jsonb(OLD) - making THEN
        RAISE EXCEPTION 'what was asked for never changes' USING ERRCODE = '23H03';
    ELSIF OLD.state <> 'waiting' AND (to_jsonb(NEW) - 'file_id' <> to_jsonb(OLD) - 'file_id'
            OR (NEW.file_id IS NOT NULL AND NEW.file_id IS DISTINCT FROM OLD.file_id)) THEN
        RAISE EXCEPTION 'a manifest never changes' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quotas_export_kept BEFORE UPDATE OR DELETE ON quotas_export
    FOR EACH ROW EXECUTE FUNCTION quotas_guard_export();
"""
DROP = "DROP TRIGGER quotas_export_kept ON quotas_export; DROP FUNCTION quotas_guard_export();"


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0002_period_integrity"),
        ("ledger", "0003_append_only_audit"),
        ("quotas", "0010_rule_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Export",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("key", models.UUIDField(default=uuid.uuid4)),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("standings", "Standings"),
                            ("days", "Counts by day"),
                            ("teams", "Team reports"),
                            ("flips", "Flips"),
                            ("adjustments", "Adjustments"),
                            ("reviews", "Reviews"),
                            ("leavers", "Leavers"),
                            ("roster_changes", "Roster changes"),
                            ("handover", "Hand-over"),
                        ]
                    ),
                ),
                (
                    "form",
                    models.TextField(
                        choices=[("csv", "CSV"), ("csv.gz", "CSV, packed (gzip)"), ("xlsx", "Excel (XLSX)")],
                        default="csv",
                    ),
                ),
                ("alone", models.BooleanField(default=False)),
                (
                    "live",
                    models.BooleanField(default=False, help_text="sent with the numbers of a page, not judged anew"),
                ),
                (
                    "filters",
                    models.JSONField(
                        default=dict, help_text="status, q, department and sort, as the address of a page"
                    ),
                ),
                ("columns", models.JSONField(default=list, help_text="names, in order; empty: all")),
                ("as_of", models.DateTimeField()),
                ("since", models.DateTimeField(help_text="where a file tells what changed: from when on", null=True)),
                ("result_version", models.IntegerField(null=True)),
                ("rule_version", models.IntegerField()),
                ("asked_at", models.DateTimeField()),
                ("asked_by_id", models.BigIntegerField()),
                ("asked_by_label", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[("waiting", "Waiting"), ("done", "Done"), ("failed", "Failed")], default="waiting"
                    ),
                ),
                ("attempts", models.IntegerField(default=0)),
                ("made_at", models.DateTimeField(null=True)),
                ("rows", models.BigIntegerField(null=True)),
                ("size", models.BigIntegerField(null=True)),
                ("sha256", models.BinaryField(help_text="of the file's bytes", null=True)),
                ("error", models.TextField(blank=True)),
                (
                    "again_of",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="quotas.export"
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="quotas.campaign"
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="ledger.storedfile",
                    ),
                ),
                (
                    "root",
                    models.ForeignKey(
                        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
            ],
            options={
                "ordering": ["-asked_at", "-pk"],
                "indexes": [
                    models.Index(fields=["asked_at"], name="quotas_export_asked"),
                    models.Index(fields=["asked_by_id", "asked_at"], name="quotas_export_of"),
                    models.Index(
                        condition=models.Q(("state", "waiting")), fields=["asked_at"], name="quotas_export_waiting"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("asked_by_id", "key"), name="quotas_export_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "standings",
                                    "days",
                                    "teams",
                                    "flips",
                                    "adjustments",
                                    "reviews",
                                    "leavers",
                                    "roster_changes",
                                    "handover",
                                ],
                            )
                        ),
                        name="quotas_export_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("form__in", ["csv", "csv.gz", "xlsx"])), name="quotas_export_form"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("as_of__lte", models.F("asked_at"))), name="quotas_export_as_of"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("error", ""),
                                ("made_at", None),
                                ("rows", None),
                                ("sha256", None),
                                ("size", None),
                                ("state", "waiting"),
                            ),
                            models.Q(
                                ("error", ""),
                                ("made_at__isnull", False),
                                ("rows__gte", 0),
                                ("sha256__isnull", False),
                                ("size__gte", 0),
                                ("state", "done"),
                            ),
                            models.Q(
                                ("file", None),
                                ("made_at__isnull", False),
                                ("rows", None),
                                ("sha256", None),
                                ("state", "failed"),
                                models.Q(("error", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="quotas_export_state",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD, DROP),
    ]
