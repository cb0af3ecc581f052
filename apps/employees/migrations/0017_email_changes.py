"""A new e-mail address of an employee waits for a second person; the database accepts no other change of one."""

import django.db.models.deletion
from django.db import migrations, models

GUARDS = """
CREATE FUNCTION employees_end_email_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE employees_emailchange SET waiting = false WHERE request_id = NEW.id AND waiting;
    RETURN NULL;
END $$;
CREATE TRIGGER employees_approval_ends_email_changes AFTER UPDATE OF decision ON employees_approvalrequest
    FOR EACH ROW WHEN (NEW.kind = 'email_change' AND NEW.decision IN ('refused', 'withdrawn', 'superseded'))
    EXECUTE FUNCTION employees_end_email_changes();

-- An address opens an account (a link to set a password goes there): whatever statement changes it, two persons did.
-- While no account holds the HR role, the first set-up is under way and no second person can exist.
CREATE FUNCTION employees_guard_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM employees_role WHERE role = 'hr') THEN
        RETURN NEW;
    ELSIF EXISTS (
        SELECT 1 FROM employees_emailchange change
        JOIN employees_approvalrequest request ON request.id = change.request_id
        WHERE change.employee_id = NEW.id AND change.old_email = OLD.email AND change.new_email = NEW.email
          AND change.waiting AND request.decision = 'approved'
    ) OR EXISTS (
        SELECT 1 FROM employees_rosterbefore kept
        JOIN employees_approvalrequest request ON request.kind = 'roster_undo' AND request.subject = kept.load_id::text
        WHERE kept.place = 'employees_employee' AND kept.row_id = NEW.id AND kept.before ->> 'email' = NEW.email
          AND request.decision = 'approved'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an e-mail address changes with a second person' USING ERRCODE = '23H04';
END $$;
CREATE TRIGGER employees_email_needs_two BEFORE UPDATE OF email ON employees_employee
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION employees_guard_email();
"""
NO_GUARDS = """
DROP TRIGGER employees_email_needs_two ON employees_employee;
DROP FUNCTION employees_guard_email();
DROP TRIGGER employees_approval_ends_email_changes ON employees_approvalrequest;
DROP FUNCTION employees_end_email_changes();
"""


class Migration(migrations.Migration):
    dependencies = [("employees", "0016_approvals")]

    operations = [
        migrations.CreateModel(
            name="EmailChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("old_email", models.TextField()),
                ("new_email", models.TextField()),
                ("waiting", models.BooleanField(default=True)),
                ("applied_at", models.DateTimeField(null=True)),
                ("requested_mail_at", models.DateTimeField(null=True)),
                ("applied_mail_at", models.DateTimeField(null=True)),
                (
                    "employee",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="employees.employee"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="employees.approvalrequest"),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("requested_mail_at__isnull", True),
                            models.Q(("applied_at__isnull", False), ("applied_mail_at__isnull", True)),
                            _connector="OR",
                        ),
                        fields=["id"],
                        name="employees_emailchange_unmailed",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("waiting", True)), fields=("employee",), name="employees_emailchange_one"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("old_email", models.F("new_email")), _negated=True),
                            models.Q(("new_email", ""), _negated=True),
                        ),
                        name="employees_emailchange_changes",
                    ),
                ],
            },
        ),
        migrations.AddField("rosterload", "effect", models.JSONField(default=dict)),
        migrations.AlterField(
            "rosterload",
            "state",
            models.TextField(
                choices=[
                    ("looking", "Looking"),
                    ("looked", "Looked"),
                    ("received", "Received"),
                    ("requested", "Requested"),
                    ("done", "Done"),
                    ("refused", "Refused"),
                ]
            ),
        ),
        migrations.RunSQL(GUARDS, NO_GUARDS),
    ]
