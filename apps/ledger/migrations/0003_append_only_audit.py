"""Audit entries are appended and never changed, whoever asks: the owner's role too."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_initial")]

    operations = [
        migrations.RunSQL(
            sql="""
                CREATE FUNCTION hundred_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '23H03';
                END $$;
                CREATE TRIGGER ledger_audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_auditentry
                    FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();
            """,
            reverse_sql="""
                DROP TRIGGER ledger_audit_append_only ON ledger_auditentry;
                DROP FUNCTION hundred_refuse_change();
            """,
        )
    ]
