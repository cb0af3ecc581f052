CREATE FUNCTION contacts_forget_erasure_subject() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM contacts_erasuresubject WHERE request_id = NEW.id;
    RETURN NULL;
END $$;

CREATE FUNCTION hundred_tally_contacts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO contacts_intakecount (quarter, source, n)
        SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, count(*) FROM new_rows GROUP BY 1, 2;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO contacts_intakecount (quarter, source, n)
        SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, -count(*) FROM old_rows GROUP BY 1, 2;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO contacts_intakecount (quarter, source, n)
        SELECT date_bin('15 minutes', recorded_at, 'epoch'::timestamptz), source, sum(one.n) FROM (
            SELECT recorded_at, source, 1 AS n FROM new_rows UNION ALL SELECT recorded_at, source, -1 FROM old_rows) one
        GROUP BY 1, 2 HAVING sum(one.n) <> 0;
    ELSE
        DELETE FROM contacts_intakecount;
    END IF;
    RETURN NULL;
END $$;
