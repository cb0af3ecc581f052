"""First factors by enrolment codes; tokens, sessions and links that end for good with a role or an employment."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.ledger.querysets

ENDS = """
-- What was given out before opens nothing any more: tokens, browsers, links to set a password (whose token covers
-- security_changed_at), and the same change is known to the two-person rule.
CREATE FUNCTION employees_end_access(accounts bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF accounts IS NULL THEN
        RETURN;
    END IF;
    UPDATE employees_account SET security_changed_at = hundred_clock() WHERE id = ANY(accounts);
    UPDATE api_apitoken SET revoked_at = hundred_clock() WHERE account_id = ANY(accounts) AND revoked_at IS NULL;
    DELETE FROM employees_session WHERE account_id = ANY(accounts);
END $$;

CREATE FUNCTION employees_role_given() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM employees_end_access((SELECT array_agg(DISTINCT account_id) FROM new_rows));
    -- A factor from before the first role was added with the password alone.
    DELETE FROM mfa_authenticator factor USING new_rows given
    WHERE factor.user_id = given.account_id AND NOT EXISTS (
        SELECT 1 FROM employees_role held WHERE held.account_id = given.account_id
        AND held.id NOT IN (SELECT id FROM new_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER employees_role_given AFTER INSERT ON employees_role REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION employees_role_given();

CREATE FUNCTION employees_role_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM employees_end_access((SELECT array_agg(DISTINCT account_id) FROM old_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER employees_role_taken AFTER DELETE ON employees_role REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION employees_role_taken();

-- A change of a period that makes an employee a leaver, or a leaver an employee: also when a load is undone. When time
-- alone ends a period, tokens and sessions are compared with the period that they were made in.
CREATE FUNCTION employees_employment_turned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := hundred_clock();
    turned bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(account.id) INTO turned FROM new_rows after
        JOIN employees_account account USING (employee_id) WHERE after.starts_at <= now AND now < after.ends_at;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(account.id) INTO turned FROM old_rows before
        JOIN employees_account account USING (employee_id) WHERE before.starts_at <= now AND now < before.ends_at;
    ELSE
        SELECT array_agg(account.id) INTO turned FROM old_rows before JOIN new_rows after USING (id)
        JOIN employees_account account ON account.employee_id = after.employee_id
        WHERE (before.starts_at <= now AND now < before.ends_at) <> (after.starts_at <= now AND now < after.ends_at);
    END IF;
    PERFORM employees_end_access(turned);
    RETURN NULL;
END $$;
CREATE TRIGGER employees_employment_begun AFTER INSERT ON employees_employment REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION employees_employment_turned();
CREATE TRIGGER employees_employment_moved AFTER UPDATE ON employees_employment
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION employees_employment_turned();
CREATE TRIGGER employees_employment_gone AFTER DELETE ON employees_employment REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION employees_employment_turned();
"""
NO_ENDS = """
DROP TRIGGER employees_employment_gone ON employees_employment;
DROP TRIGGER employees_employment_moved ON employees_employment;
DROP TRIGGER employees_employment_begun ON employees_employment;
DROP FUNCTION employees_employment_turned();
DROP TRIGGER employees_role_taken ON employees_role;
DROP FUNCTION employees_role_taken();
DROP TRIGGER employees_role_given ON employees_role;
DROP FUNCTION employees_role_given();
DROP FUNCTION employees_end_access(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("mfa", "0003_authenticator_type_uniq"),
        ("employees", "0019_security_mail"),
    ]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="second_factor",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="made with a second factor shown: roles that need one reach through it",
            ),
        ),
        migrations.AlterField(
            model_name="account",
            name="security_changed_at",
            field=models.DateTimeField(
                help_text="when its address, second factors, roles or employment changed last; triggers write it",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="EnrolmentCode",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("digest", models.BinaryField()),
                ("made_at", models.DateTimeField(db_default=apps.ledger.querysets.Clock())),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("made_at"))),
                        name="employees_enrolment_code_expires",
                    )
                ],
            },
        ),
        migrations.RunSQL(ENDS, NO_ENDS),
        # Of a package that counted failed sign-ins before.
        migrations.RunSQL(
            "DROP TABLE IF EXISTS axes_accessattemptexpiration, axes_accessattempt, axes_accesslog,"
            " axes_accessfailurelog",
            migrations.RunSQL.noop,
        ),
    ]
