"""The one clock of the house, before the first column that defaults to it."""

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
        )
    ]
