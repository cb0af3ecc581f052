-- Rows of the outbox are short-lived: without frequent vacuuming each reader walks over the dead ones.
ALTER TABLE core_outbox SET (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 10000
);
