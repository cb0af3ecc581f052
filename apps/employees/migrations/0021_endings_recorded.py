"""When an employment's end was recorded: a day that is dated back must not count as if it had been known then."""

from django.db import migrations, models

RECORDS = """
CREATE FUNCTION employees_record_ending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.ended_recorded_at := CASE WHEN NEW.ends_at < 'infinity' THEN hundred_clock() END;
    RETURN NEW;
END $$;
CREATE TRIGGER employees_employment_ends BEFORE INSERT ON employees_employment
    FOR EACH ROW EXECUTE FUNCTION employees_record_ending();
CREATE TRIGGER employees_employment_ends_anew BEFORE UPDATE OF ends_at ON employees_employment
    FOR EACH ROW WHEN (NEW.ends_at <> OLD.ends_at) EXECUTE FUNCTION employees_record_ending();
"""
NO_RECORDS = """
DROP TRIGGER employees_employment_ends_anew ON employees_employment;
DROP TRIGGER employees_employment_ends ON employees_employment;
DROP FUNCTION employees_record_ending();
"""


class Migration(migrations.Migration):
    dependencies = [("employees", "0020_credentials_end")]

    operations = [
        migrations.AddField(
            model_name="employment",
            name="ended_recorded_at",
            field=models.DateTimeField(
                help_text="when the roster said the end that stands; a trigger writes it", null=True
            ),
        ),
        migrations.RunSQL(RECORDS, NO_RECORDS),
    ]
