"""Database rules that constraints cannot express: row guards and statement auditing."""

from django.db import migrations
from django.db.migrations import RunSQL

from apps.core.change_triggers import audit_trigger_sql
from apps.core.migration_sql import run_file

# Audited tables: the row's name, and the kept fields (SQL over the row `one`).
AUDITED: list[tuple[str, str, str]] = [
    (
        "accounts_account_groups",
        "(SELECT account.login FROM accounts_account account WHERE account.id = one.account_id)",
        "",
    ),
    (
        "accounts_account",
        "one.login",
        """jsonb_build_object('active', one.is_active, 'staff', one.is_staff, 'superuser', one.is_superuser,
    'login', one.login, 'employee', one.employee_id, 'password_mark', left(md5(one.password), 6))""",
    ),
    (
        "accounts_account_user_permissions",
        "(SELECT account.login FROM accounts_account account WHERE account.id = one.account_id)",
        "",
    ),
    (
        "accounts_deputyship",
        """(SELECT string_agg(person.staff_no, ' for ' ORDER BY person.id = one.manager_id) FROM employees_employee person WHERE person.id IN (one.manager_id, one.deputy_id))""",
        "jsonb_build_object('from', one.starts_at, 'until', one.ends_at, 'ended', one.ended_at)",
    ),
    (
        "accounts_providersubject",
        "(SELECT account.login FROM accounts_account account WHERE account.id = one.account_id)",
        "jsonb_build_object('issuer', one.issuer, 'subject_mark', left(md5(one.subject), 6))",
    ),
    (
        "accounts_role",
        "(SELECT account.login FROM accounts_account account WHERE account.id = one.account_id)",
        "to_jsonb(one.role)",
    ),
    (
        "mfa_authenticator",
        "(SELECT account.login FROM accounts_account account WHERE account.id = one.user_id)",
        """jsonb_build_object('type', one.type, 'secret_mark', left(md5(coalesce(one.data ->> 'secret', one.data ->> 'seed', CASE one.type WHEN 'webauthn' THEN (one.data - 'counter' - 'name')::text END, '')), 6))""",
    ),
]


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0002_functions_and_triggers"),
        ("accounts", "0001_initial"),
        ("mfa", "0003_authenticator_type_uniq"),
    ]

    operations = [
        run_file(
            "accounts",
            "functions.sql",
            functions=(
                "accounts_account_changed",
                "accounts_employee_email_changed",
                "accounts_employment_turned",
                "accounts_end_access",
                "accounts_end_bindings",
                "accounts_end_email_changes",
                "accounts_end_factors",
                "accounts_end_password",
                "accounts_factor_changed",
                "accounts_guard_approval",
                "accounts_guard_deputyship",
                "accounts_guard_email",
                "accounts_record_ending",
                "accounts_require_hr",
                "accounts_role_changed",
                "accounts_role_given",
                "accounts_role_taken",
                "accounts_demand_hr",
                "accounts_employee_of",
                "accounts_number_used",
                "accounts_mark_used",
                "accounts_subject_bound",
            ),
        ),
        run_file("accounts", "triggers.sql"),
        *(RunSQL(audit_trigger_sql(table, key=key, shown=shown), RunSQL.noop) for table, key, shown in AUDITED),
    ]
