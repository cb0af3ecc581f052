"""How many contacts were recorded in each quarter of an hour by each way in, kept by triggers."""

from django.db import migrations, models

# Appended, so that writers of one moment do not wait for each other; what was appended is made one row now and then.
FUNCTION = """
CREATE FUNCTION hundred_tally_contacts() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO contacts_contacttally (quarter, source, n)
        SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, count(*) FROM new_rows GROUP BY 1, 2;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO contacts_contacttally (quarter, source, n)
        SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, -count(*) FROM old_rows GROUP BY 1, 2;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO contacts_contacttally (quarter, source, n)
        SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, sum(one.n) FROM (
            SELECT recorded_at, source, 1 AS n FROM new_rows UNION ALL SELECT recorded_at, source, -1 FROM old_rows) one
        GROUP BY 1, 2 HAVING sum(one.n) <> 0;
    ELSE
        DELETE FROM contacts_contacttally;
    END IF;
    RETURN NULL;
END $$;
"""
EVENTS = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
    "TRUNCATE": "",
}
TRIGGERS = "".join(
    f"CREATE TRIGGER contacts_contact_tallied_{event.lower()} AFTER {event} ON contacts_contact {rows}"
    " FOR EACH STATEMENT EXECUTE FUNCTION hundred_tally_contacts();\n"
    for event, rows in EVENTS.items()
)
NO_TRIGGERS = "".join(
    f"DROP TRIGGER contacts_contact_tallied_{event.lower()} ON contacts_contact;\n" for event in EVENTS
)
# Behind the triggers, whose making keeps writers out until the commit.
FILL = """
INSERT INTO contacts_contacttally (quarter, source, n)
SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, count(*) FROM contacts_contact GROUP BY 1, 2
ORDER BY 1, 2
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0006_counting_by_index")]

    operations = [
        migrations.CreateModel(
            name="ContactTally",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("quarter", models.DateTimeField(help_text="its first instant")),
                ("source", models.TextField()),
                ("n", models.BigIntegerField()),
            ],
            options={"indexes": [models.Index(fields=["quarter"], name="contacts_tally_quarter")]},
        ),
        migrations.RunSQL(FUNCTION, "DROP FUNCTION hundred_tally_contacts();"),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
