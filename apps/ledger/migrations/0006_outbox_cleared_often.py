from django.db import migrations

# Rows come and go by the hundred thousand, and every page reads what is left: what has gone must not be read again.
OFTEN = """ALTER TABLE ledger_outbox SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000)"""
SELDOM = """ALTER TABLE ledger_outbox RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold,
    autovacuum_vacuum_insert_scale_factor, autovacuum_vacuum_insert_threshold)"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0005_changes_of_rows"),
    ]

    operations = [migrations.RunSQL(OFTEN, SELDOM)]
