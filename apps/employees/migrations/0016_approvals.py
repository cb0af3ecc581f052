"""Changes of large effect wait for a second person, and accounts know when their security changed last."""

import uuid

from django.db import migrations, models

import apps.ledger.querysets

GUARDS = """
CREATE FUNCTION employees_require_hr(account bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Held against being revoked while the decision is under way.
    PERFORM 1 FROM employees_role WHERE account_id = account AND role = 'hr' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only HR requests and approves' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION employees_guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    decided text[] := ARRAY['decision', 'decided_at', 'decided_by_id', 'decided_by_label', 'by_operator',
                            'decided_effect', 'note'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an approval request is decided, never deleted' USING ERRCODE = '23H03';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'a request is made first and decided by another person' USING ERRCODE = '23H03';
        ELSIF NEW.requested_by_id IS NOT NULL THEN
            PERFORM employees_require_hr(NEW.requested_by_id);
        END IF;
    ELSIF OLD.decision IS NOT NULL OR to_jsonb(NEW) - decided <> to_jsonb(OLD) - decided THEN
        RAISE EXCEPTION 'a request is decided once, and never changed' USING ERRCODE = '23H03';
    ELSIF NEW.decision IN ('approved', 'refused') THEN
        IF NEW.decided_at NOT BETWEEN NEW.requested_at AND hundred_clock() OR NEW.decided_at > NEW.expires_at THEN
            RAISE EXCEPTION 'a decision is dated when it is made' USING ERRCODE = '23H03';
        ELSIF NOT NEW.by_operator THEN
            PERFORM employees_require_hr(NEW.decided_by_id);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER employees_approval_decided_once BEFORE INSERT OR UPDATE OR DELETE ON employees_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION employees_guard_approval();

CREATE FUNCTION employees_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.security_changed_at := hundred_clock();
    RETURN NEW;
END $$;
CREATE TRIGGER employees_account_email_changed BEFORE UPDATE OF email ON employees_account
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION employees_account_changed();

CREATE FUNCTION employees_employee_email_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE employees_account SET security_changed_at = hundred_clock() WHERE employee_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER employees_email_changed AFTER UPDATE OF email ON employees_employee
    FOR EACH ROW WHEN (OLD.email IS DISTINCT FROM NEW.email) EXECUTE FUNCTION employees_employee_email_changed();

CREATE FUNCTION employees_role_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE employees_account SET security_changed_at = hundred_clock()
    WHERE id = coalesce(NEW.account_id, OLD.account_id);
    RETURN NULL;
END $$;
CREATE TRIGGER employees_role_changed AFTER INSERT OR DELETE ON employees_role
    FOR EACH ROW EXECUTE FUNCTION employees_role_changed();

-- Recovery codes are used up one by one: only adding or removing a factor counts.
CREATE FUNCTION employees_factor_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(NEW.type, OLD.type) IN ('totp', 'webauthn') THEN
        UPDATE employees_account SET security_changed_at = hundred_clock()
        WHERE id = coalesce(NEW.user_id, OLD.user_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER employees_factor_changed AFTER INSERT OR DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION employees_factor_changed();
"""
NO_GUARDS = """
DROP TRIGGER employees_factor_changed ON mfa_authenticator;
DROP FUNCTION employees_factor_changed();
DROP TRIGGER employees_role_changed ON employees_role;
DROP FUNCTION employees_role_changed();
DROP TRIGGER employees_email_changed ON employees_employee;
DROP FUNCTION employees_employee_email_changed();
DROP TRIGGER employees_account_email_changed ON employees_account;
DROP FUNCTION employees_account_changed();
DROP TRIGGER employees_approval_decided_once ON employees_approvalrequest;
DROP FUNCTION employees_guard_approval();
DROP FUNCTION employees_require_hr(bigint);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0003_authenticator_type_uniq"),
        ("employees", "0015_overlaps_one_by_one"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="security_changed_at",
            field=models.DateTimeField(
                help_text="when its address, second factors or roles changed last; triggers write it", null=True
            ),
        ),
        migrations.CreateModel(
            name="ApprovalRequest",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("email_change", "new e-mail addresses"),
                            ("roster_load", "a roster load"),
                            ("roster_undo", "undoing a roster load"),
                            ("rule_change", "a change of a campaign's rule"),
                            ("campaign_opening", "opening a campaign"),
                            ("campaign_cancellation", "cancelling a campaign"),
                            ("campaign_closing", "closing a campaign"),
                            ("erasure", "an erasure"),
                        ]
                    ),
                ),
                ("subject", models.TextField()),
                ("label", models.TextField(help_text="what it changes, as people call it")),
                ("payload", models.JSONField(default=dict)),
                ("effect", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True)),
                ("requested_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                ("requested_by_id", models.BigIntegerField(null=True)),
                ("requested_by_label", models.TextField()),
                ("expires_at", models.DateTimeField()),
                (
                    "decision",
                    models.TextField(
                        choices=[
                            ("approved", "approved"),
                            ("refused", "refused"),
                            ("withdrawn", "withdrawn"),
                            ("superseded", "superseded by a later request"),
                        ],
                        null=True,
                    ),
                ),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by_id", models.BigIntegerField(null=True)),
                ("decided_by_label", models.TextField(blank=True)),
                ("by_operator", models.BooleanField(default=False)),
                ("decided_effect", models.JSONField(null=True)),
                ("note", models.TextField(blank=True, help_text="why it was refused")),
            ],
            options={
                "indexes": [models.Index(fields=["-requested_at"], name="employees_approval_recent")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("decision__isnull", True)),
                        fields=("kind", "subject"),
                        name="employees_approval_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True),
                                ("decided_by_id__isnull", True),
                                ("decision__isnull", True),
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("decision__isnull", False),
                                models.Q(
                                    models.Q(
                                        ("by_operator", True),
                                        ("decided_by_id__isnull", True),
                                        ("decision__in", ["approved", "refused"]),
                                    ),
                                    models.Q(
                                        ("by_operator", False),
                                        ("decided_by_id__isnull", False),
                                        ("decision__in", ["approved", "refused"]),
                                        models.Q(
                                            ("requested_by_id__isnull", True),
                                            models.Q(("decided_by_id", models.F("requested_by_id")), _negated=True),
                                            _connector="OR",
                                        ),
                                    ),
                                    models.Q(
                                        ("decided_by_id", models.F("requested_by_id")),
                                        ("decided_by_id__isnull", False),
                                        ("decision", "withdrawn"),
                                    ),
                                    models.Q(("decided_by_id__isnull", True), ("decision", "superseded")),
                                    _connector="OR",
                                ),
                            ),
                            _connector="OR",
                        ),
                        name="employees_approval_decided_by_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decision", "refused"), _negated=True),
                            models.Q(("note", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="employees_approval_refused_with_note",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("requested_at"))),
                        name="employees_approval_expires_later",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, NO_GUARDS),
    ]
