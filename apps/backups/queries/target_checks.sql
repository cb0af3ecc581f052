-- name: functions
-- The functions of Hundred, without those of extensions.
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = pg_proc.oid AND pg_depend.deptype = 'e');

-- name: sessions
SELECT format('%s (%s)', usename, count(*)) FROM pg_stat_activity
WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()
GROUP BY usename ORDER BY usename;
