"""Whoever changes people, where they stand, accounts or roles, by any statement, leaves a note."""

from django.db import migrations

from apps.ledger.guards import guard, unguard

PERSON = "(SELECT person.staff_no FROM employees_employee person WHERE person.id = one.employee_id)"
LOGIN = "(SELECT account.login FROM employees_account account WHERE account.id = one.account_id)"
# That a password was changed, by a mark of its hash. A sign-in changes nothing of these.
ACCOUNT = """jsonb_build_object('active', one.is_active, 'staff', one.is_staff, 'superuser', one.is_superuser,
    'login', one.login, 'employee', one.employee_id, 'password_mark', left(md5(one.password), 6))"""
RIGHTS = ("employees_account_groups", "employees_account_user_permissions")
TABLES = {
    "employees_employee": guard("employees_employee", key="one.staff_no"),
    "employees_employeeidentity": guard("employees_employeeidentity", key=PERSON),
    "employees_employment": guard("employees_employment", key=PERSON),
    "employees_placement": guard("employees_placement", key=PERSON),
    "employees_account": guard("employees_account", key="one.login", shown=ACCOUNT),
    "employees_role": guard("employees_role", key=LOGIN, shown="to_jsonb(one.role)"),
    **{table: guard(table, key=LOGIN) for table in RIGHTS},
}


class Migration(migrations.Migration):
    dependencies = [("employees", "0004_roster_undo"), ("ledger", "0005_changes_of_rows")]

    operations = [migrations.RunSQL("".join(TABLES.values()), "".join(map(unguard, TABLES)))]
