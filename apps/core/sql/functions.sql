CREATE FUNCTION hundred_analyze(wanted text[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
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

CREATE FUNCTION hundred_note_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $_$
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
    INSERT INTO core_rowchange (at, transaction, origin, table_name, operation, rows, keys, before, after)
    VALUES (hundred_clock(), hundred_transaction(),
            concat_ws(' ', 'database', session_user, coalesce(host(inet_client_addr()), 'socket'),
                      nullif(left(current_setting('application_name'), 60), '')),
            TG_TABLE_NAME, lower(TG_OP), changed, coalesce(keys, '[]'),
            CASE WHEN TG_ARGV[1] = '' THEN '[]' ELSE coalesce(was, '[]') END,
            CASE WHEN TG_ARGV[1] = '' THEN '[]' ELSE coalesce(became, '[]') END);
    RETURN NULL;
END $_$;

CREATE FUNCTION hundred_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
                BEGIN
                    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '23H03';
                END $$;

CREATE FUNCTION hundred_tell_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM core_auditentry entry WHERE entry.transaction = NEW.transaction AND (
            entry.action NOT LIKE 'database.%' OR entry.action = 'database.' || NEW.operation
            AND entry.subject_id = NEW.table_name AND (entry.detail->>'last_note')::bigint >= NEW.id)) THEN
        RETURN NULL;
    END IF;
    INSERT INTO core_auditentry
        (at, actor_id, actor_label, action, subject_kind, subject_id, subject_label, detail, origin, transaction)
    SELECT NEW.at, NULL, session_user, 'database.' || NEW.operation, 'table', NEW.table_name, '',
           jsonb_strip_nulls(jsonb_build_object(
               'rows', sum(rows), 'statements', count(*), 'keys', NEW.keys, 'before', nullif(NEW.before, '[]'),
               'after', nullif(NEW.after, '[]'), 'last_note', max(id))),
           NEW.origin, NEW.transaction
    FROM core_rowchange
    WHERE transaction = NEW.transaction AND table_name = NEW.table_name AND operation = NEW.operation AND id >= NEW.id;
    RETURN NULL;
END $$;
