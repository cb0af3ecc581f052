"""The functions that the first tables and statements need: clock, transaction name, periods in force."""

from django.db import migrations

from apps.core.migration_sql import run_file


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION hundred_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS
                'SELECT clock_timestamp()';
            """,
            reverse_sql="DROP FUNCTION hundred_clock();",
        ),
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION hundred_transaction() RETURNS text
                    LANGUAGE sql
                    AS $$
                    SELECT pg_current_xact_id()::text || '@' || (extract(epoch FROM now()) * 1000000)::bigint::text
                $$;
            """,
            reverse_sql="DROP FUNCTION hundred_transaction();",
        ),
        run_file("core", "periods.sql", functions=("in_force", "in_force_from")),
    ]
