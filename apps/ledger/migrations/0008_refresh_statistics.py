from django.db import migrations

# Only the owner of a table may analyse it (PostgreSQL 17 alone can grant MAINTAIN), and the application owns none: this
# runs as the owner, on tables of the installation alone, and gives away nothing but the time that it takes. An empty
# table is passed over: a planner that knows it empty plans as if it stayed so.
CREATE = """
CREATE FUNCTION hundred_analyze(wanted text[]) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    found text;
    analysed int := 0;
BEGIN
    FOR found IN
        SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
          AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
          AND (wanted IS NULL OR relname = ANY (wanted))
        ORDER BY relname
    LOOP
        EXECUTE format('ANALYZE public.%I', found);
        analysed := analysed + 1;
    END LOOP;
    RETURN analysed;
END $$;
REVOKE ALL ON FUNCTION hundred_analyze(text[]) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0007_file_previews"),
    ]

    operations = [migrations.RunSQL(CREATE, "DROP FUNCTION hundred_analyze(text[])")]
