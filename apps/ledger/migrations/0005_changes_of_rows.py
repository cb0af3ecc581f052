"""Every statement on a guarded table is noted by a trigger; what no entry of the house explains becomes one itself."""

from django.db import migrations, models
from django.db.models import Value

from apps.ledger.querysets import Clock, SessionUser, ThisTransaction

# The number alone comes again in another cluster, the instant alone in another session.
TRANSACTION = """
CREATE FUNCTION hundred_transaction() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_current_xact_id()::text || '@' || (extract(epoch FROM now()) * 1000000)::bigint::text
$$;
"""
# The search path is fixed, so that nobody puts a table of their own before ours and writes into that.
NOTE = """
CREATE FUNCTION hundred_note_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    few CONSTANT int := 5;
    key CONSTANT text := TG_ARGV[0];
    shown CONSTANT text := coalesce(nullif(TG_ARGV[1], ''), 'NULL::jsonb');
    changed bigint;
    keys jsonb;
    was jsonb;
    became jsonb;
BEGIN
    IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND TG_ARGV[1] = '' THEN
        SELECT count(*) INTO changed FROM new_rows;
        EXECUTE format('SELECT jsonb_agg(%s), jsonb_agg(%s) FROM (SELECT * FROM new_rows LIMIT %s) one',
                       key, shown, few) INTO keys, became;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT count(*) INTO changed FROM old_rows;
        EXECUTE format('SELECT jsonb_agg(%s), jsonb_agg(%s) FROM (SELECT * FROM old_rows LIMIT %s) one',
                       key, shown, few) INTO keys, was;
    ELSIF TG_OP = 'UPDATE' THEN
        EXECUTE format('
            WITH pair AS MATERIALIZED (
                SELECT id, was.shown AS was, became.shown AS became
                FROM (SELECT one.id, %2$s AS shown FROM new_rows one) became
                LEFT JOIN (SELECT one.id, %2$s AS shown FROM old_rows one) was USING (id)
                WHERE became.shown IS DISTINCT FROM was.shown)
            SELECT (SELECT count(*) FROM pair), jsonb_agg(%1$s), jsonb_agg(pair.was), jsonb_agg(pair.became)
            FROM (SELECT * FROM pair LIMIT %3$s) pair JOIN new_rows one USING (id)',
            key, shown, few) INTO changed, keys, was, became;
    END IF;
    IF changed = 0 THEN
        RETURN NULL;
    END IF;
    INSERT INTO ledger_rowchange (at, transaction, origin, table_name, operation, rows, keys, before, after)
    VALUES (hundred_clock(), hundred_transaction(),
            concat_ws(' ', 'database', session_user, coalesce(host(inet_client_addr()), 'socket'),
                      nullif(left(current_setting('application_name'), 60), '')),
            TG_TABLE_NAME, lower(TG_OP), changed, coalesce(keys, '[]'),
            CASE WHEN TG_ARGV[1] = '' THEN '[]' ELSE coalesce(was, '[]') END,
            CASE WHEN TG_ARGV[1] = '' THEN '[]' ELSE coalesce(became, '[]') END);
    RETURN NULL;
END $$;
"""
# One entry for all statements of a kind in a transaction. Who has the constraint checked earlier gets more of them.
TELL = """
CREATE FUNCTION hundred_tell_change() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_auditentry entry WHERE entry.transaction = NEW.transaction AND (
            entry.action NOT LIKE 'database.%' OR entry.action = 'database.' || NEW.operation
            AND entry.subject_id = NEW.table_name AND (entry.detail->>'last_note')::bigint >= NEW.id)) THEN
        RETURN NULL;
    END IF;
    INSERT INTO ledger_auditentry
        (at, actor_id, actor_label, action, subject_kind, subject_id, subject_label, detail, origin, transaction)
    SELECT NEW.at, NULL, session_user, 'database.' || NEW.operation, 'table', NEW.table_name, '',
           jsonb_strip_nulls(jsonb_build_object(
               'rows', sum(rows), 'statements', count(*), 'keys', NEW.keys, 'before', nullif(NEW.before, '[]'),
               'after', nullif(NEW.after, '[]'), 'last_note', max(id))),
           NEW.origin, NEW.transaction
    FROM ledger_rowchange
    WHERE transaction = NEW.transaction AND table_name = NEW.table_name AND operation = NEW.operation AND id >= NEW.id;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_rowchange_told AFTER INSERT ON ledger_rowchange DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hundred_tell_change();
CREATE TRIGGER ledger_rowchange_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_rowchange
    FOR EACH STATEMENT EXECUTE FUNCTION hundred_refuse_change();
"""
UNTOLD = """
DROP TRIGGER ledger_rowchange_append_only ON ledger_rowchange;
DROP TRIGGER ledger_rowchange_told ON ledger_rowchange;
DROP FUNCTION hundred_tell_change();
DROP FUNCTION hundred_note_change();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_where_an_act_came_from")]

    operations = [
        migrations.RunSQL(TRANSACTION, "DROP FUNCTION hundred_transaction();"),
        # Of the entries of before it is not known.
        migrations.AddField("auditentry", "transaction", models.TextField(db_default=Value(""))),
        migrations.AlterField("auditentry", "transaction", models.TextField(db_default=ThisTransaction())),
        migrations.AddIndex("auditentry", models.Index(fields=["transaction"], name="ledger_audit_transaction")),
        migrations.CreateModel(
            name="RowChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_default=Clock())),
                ("transaction", models.TextField(db_default=ThisTransaction())),
                (
                    "origin",
                    models.TextField(db_default=SessionUser(), help_text="the database's user, and from where"),
                ),
                ("table_name", models.TextField()),
                ("operation", models.TextField(help_text="insert, update, delete or truncate")),
                ("rows", models.BigIntegerField(help_text="empty: all there were", null=True)),
                ("keys", models.JSONField(default=list, help_text="of the first few rows")),
                ("before", models.JSONField(default=list)),
                ("after", models.JSONField(default=list)),
            ],
            options={"indexes": [models.Index(fields=["transaction"], name="ledger_rowchange_transaction")]},
        ),
        migrations.RunSQL(NOTE + TELL, UNTOLD),
    ]
