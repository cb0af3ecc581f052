"""The clock and the name of the transaction, before the first columns that default to them."""

from django.db import migrations


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
    ]
