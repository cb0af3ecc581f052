"""The rights of the application's database role. It owns nothing; it cannot delete facts or rewrite audit entries."""

from django.db import connections, transaction
from psycopg2 import sql

# NO_DELETE_TABLES: facts change by updates or new rows. APPEND_ONLY_TABLES: no UPDATE either.
NO_DELETE_TABLES = (
    "employees_employee",
    "employees_employeeidentity",
    "employees_employment",
    "employees_placement",
    "roster_rosterimport",
    "accounts_deputyship",
    "accounts_approvalrequest",
    "accounts_emailchange",
    "contacts_contact",
    "contacts_contactidentity",
    "contacts_submission",
    "campaigns_campaign",
    "campaigns_adjustment",
    "campaigns_announcement",
    "reviews_review",
    "campaigns_adjustmentrequest",
    "results_resultcorrection",
    "exports_export",
    "exports_exportschedule",
    "accounts_apitoken",
    "notifications_remindertext",
)
APPEND_ONLY_TABLES = (
    "core_auditentry",
    "core_rowchange",
    "contacts_erasure",
    "contacts_suppressedidentity",
    "campaigns_campaignrule",
    "standings_standingchange",
    "reviews_reviewcontact",
    "results_frozenresult",
    "results_frozenstanding",
    "results_frozenorgposition",
    "results_frozenreason",
    "results_correctionline",
    "forecasts_campaignforecast",
    "forecasts_groupforecast",
)

# Tables of allauth that Hundred does not use.
UNUSED_TABLES = (
    "account_emailaddress",
    "account_emailconfirmation",
    "socialaccount_socialaccount",
    "socialaccount_socialapp",
    "socialaccount_socialtoken",
)


def grant_permissions() -> None:
    """Grant the application's role its rights over the connection "owner"; repeat after every migration.

    Does nothing where the application's role owns the tables itself.
    """
    owner, application_role = "owner", connections["default"].settings_dict["USER"]
    if owner not in connections or application_role in ("", connections[owner].settings_dict["USER"]):
        return
    role = sql.Identifier(application_role)
    # One transaction: no session acts between the general grant and the revokes.
    with transaction.atomic(using=owner), connections[owner].cursor() as cursor:

        def run(statement: str, *tables: str) -> None:
            names = sql.SQL(", ").join(map(sql.Identifier, tables))
            cursor.execute(sql.SQL(statement).format(role=role, tables=names))

        run("GRANT USAGE ON SCHEMA public TO {role}")
        run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        run("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        # Default privileges hold for tables that a later migration creates before this function runs again.
        run("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}")
        run("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}")
        run("REVOKE DELETE ON {tables} FROM {role}", *NO_DELETE_TABLES)
        run("REVOKE UPDATE, DELETE ON {tables} FROM {role}", *APPEND_ONLY_TABLES)
        run("REVOKE INSERT, UPDATE ON {tables} FROM {role}", *UNUSED_TABLES)
        # Only the owner migrates. A forged row here would skip a migration, and with it a trigger.
        run("REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}")
        # By default every role may execute a new function, and a restored one.
        run("REVOKE ALL ON FUNCTION hundred_analyze(text[]) FROM PUBLIC")
        run("GRANT EXECUTE ON FUNCTION hundred_analyze(text[]) TO {role}")
