"""Overlapping periods are looked for by an index, one changed row after the other, whatever a planner believes.

With LIMIT 1 a planner that takes overlaps for frequent walks the whole transition table for each other period, and a
million changed rows then take hours.
"""

from importlib import import_module

from django.db import migrations

OVERLAP = """
CREATE OR REPLACE FUNCTION employees_refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who text;
BEGIN
    PERFORM pg_advisory_xact_lock(8101002);
    EXECUTE format(
        'SELECT person.staff_no FROM changed CROSS JOIN LATERAL ('
        '  SELECT FROM %I other WHERE other.employee_id = changed.employee_id AND other.id <> changed.id'
        '  AND other.starts_at < changed.ends_at AND other.ends_at > changed.starts_at OFFSET 0) met'
        ' JOIN employees_employee person ON person.id = changed.employee_id LIMIT 1', TG_TABLE_NAME) INTO who;
    IF who IS NOT NULL THEN
        RAISE EXCEPTION 'overlapping periods of %', who USING ERRCODE = '23H02', DETAIL = who;
    END IF;
    RETURN NULL;
END $$;
"""
BEFORE = import_module("apps.employees.migrations.0002_period_integrity").OVERLAP.replace("CREATE", "CREATE OR REPLACE")


class Migration(migrations.Migration):
    dependencies = [("employees", "0014_browser_sessions")]

    operations = [migrations.RunSQL(OVERLAP, BEFORE)]
