CREATE FUNCTION hundred_queue_audit() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO core_auditoutbox (entry_id) SELECT id FROM new_rows;
    RETURN NULL;
END $$;

CREATE TRIGGER core_audit_queued AFTER INSERT ON core_auditentry
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION hundred_queue_audit();

-- Rows are short-lived: without frequent vacuuming each reader walks over the dead ones.
ALTER TABLE core_auditoutbox SET (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 10000
);
