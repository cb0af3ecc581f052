"""No overlapping periods and no reporting cycle, at any instant, whoever writes them.

One check a statement, not a row: a load of a million rows pays for one. The tree lock makes two writers see each other.
"""

from django.db import migrations

OVERLAP = """
CREATE FUNCTION employees_refuse_overlap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who text;
BEGIN
    PERFORM pg_advisory_xact_lock(8101002);
    EXECUTE format(
        'SELECT person.staff_no FROM changed JOIN %I other ON other.employee_id = changed.employee_id'
        ' AND other.id <> changed.id AND other.starts_at < changed.ends_at AND other.ends_at > changed.starts_at'
        ' JOIN employees_employee person ON person.id = changed.employee_id LIMIT 1', TG_TABLE_NAME) INTO who;
    IF who IS NOT NULL THEN
        RAISE EXCEPTION 'overlapping periods of %', who USING ERRCODE = '23H02', DETAIL = who;
    END IF;
    RETURN NULL;
END $$;
"""

# Everyone above a changed row at an instant is a set closed upwards; in it, whoever no root leads down to is in a cycle
# or reports into one. From such a person the walk up names the cycle.
CYCLE = """
CREATE FUNCTION employees_refuse_cycle() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    t timestamptz;
    lost bigint;
    seen bigint[];
    names text;
BEGIN
    PERFORM pg_advisory_xact_lock(8101002);
    FOR t IN
        SELECT starts_at FROM changed
        UNION
        SELECT place.starts_at FROM employees_placement place, (
            SELECT min(starts_at) AS low, max(ends_at) AS high FROM changed) span
        WHERE place.starts_at > span.low AND place.starts_at < span.high
    LOOP
        WITH RECURSIVE touched(id) AS (
            SELECT employee_id FROM changed WHERE starts_at <= t AND t < ends_at
            UNION
            SELECT place.manager_id FROM touched JOIN employees_placement place ON place.employee_id = touched.id
            WHERE place.starts_at <= t AND t < place.ends_at AND place.manager_id IS NOT NULL
        ), edges AS (
            SELECT touched.id, place.manager_id FROM touched LEFT JOIN employees_placement place
            ON place.employee_id = touched.id AND place.starts_at <= t AND t < place.ends_at
        ), sound(id) AS (
            SELECT id FROM edges WHERE manager_id IS NULL
            UNION ALL
            SELECT edges.id FROM sound JOIN edges ON edges.manager_id = sound.id
        )
        SELECT id INTO lost FROM (SELECT id FROM touched EXCEPT SELECT id FROM sound) unsound ORDER BY id LIMIT 1;
        IF lost IS NULL THEN
            CONTINUE;
        END IF;
        seen := ARRAY[]::bigint[];
        WHILE NOT lost = ANY(seen) LOOP
            seen := seen || lost;
            SELECT manager_id INTO lost FROM employees_placement
            WHERE employee_id = lost AND starts_at <= t AND t < ends_at;
        END LOOP;
        seen := seen[array_position(seen, lost):] || lost;
        SELECT string_agg(person.staff_no, ' > ' ORDER BY place) INTO names
        FROM unnest(seen) WITH ORDINALITY AS walk(id, place) JOIN employees_employee person ON person.id = walk.id;
        RAISE EXCEPTION 'reporting cycle: %', names USING ERRCODE = '23H01', DETAIL = names;
    END LOOP;
    RETURN NULL;
END $$;
"""


def triggers(table: str, function: str, name: str) -> str:
    """Statement triggers for inserts and updates: a transition table allows one event each."""
    return "".join(
        f"CREATE TRIGGER {name}_{event.lower()} AFTER {event} ON {table} REFERENCING NEW TABLE AS changed"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {function}();"
        for event in ("INSERT", "UPDATE")
    )


class Migration(migrations.Migration):
    dependencies = [("employees", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=OVERLAP
            + CYCLE
            + triggers("employees_placement", "employees_refuse_overlap", "employees_placement_overlap")
            + triggers("employees_employment", "employees_refuse_overlap", "employees_employment_overlap")
            + triggers("employees_placement", "employees_refuse_cycle", "employees_placement_cycle"),
            reverse_sql="""
                DROP FUNCTION employees_refuse_overlap() CASCADE;
                DROP FUNCTION employees_refuse_cycle() CASCADE;
            """,
        )
    ]
