"""Whoever names or ends a deputy by any statement leaves a note: it decides who sees a team's numbers."""

from django.db import migrations

from apps.ledger.guards import guard, unguard

BOTH = """(SELECT string_agg(person.staff_no, ' for ' ORDER BY person.id = one.manager_id)
    FROM employees_employee person WHERE person.id IN (one.manager_id, one.deputy_id))"""
PERIOD = "jsonb_build_object('from', one.starts_at, 'until', one.ends_at, 'ended', one.ended_at)"


class Migration(migrations.Migration):
    dependencies = [("employees", "0006_deputies"), ("ledger", "0005_changes_of_rows")]

    operations = [
        migrations.RunSQL(
            guard("employees_deputyship", key=BOTH, shown=PERIOD),
            unguard("employees_deputyship"),
        )
    ]
