-- name: format
-- The text that PostgreSQL writes must not depend on a server's configuration.
SET LOCAL TimeZone = 'UTC';
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL bytea_output = 'hex';
SET LOCAL extra_float_digits = 1;
SET LOCAL search_path = 'public';

-- name: tables
-- Each table of Hundred, its columns, and the columns of its primary key. Tables of extensions are left out.
SELECT relation.relname, (
    SELECT array_agg(quote_ident(attribute.attname) ORDER BY attribute.attnum)
    FROM pg_attribute attribute
    WHERE attribute.attrelid = relation.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
), (
    SELECT array_agg(
        quote_ident(attribute.attname) || CASE WHEN attribute.attcollation = 0 THEN '' ELSE ' COLLATE "C"' END
        ORDER BY key.position)
    FROM pg_index index
    CROSS JOIN unnest(index.indkey) WITH ORDINALITY AS key (number, position)
    JOIN pg_attribute attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = key.number
    WHERE index.indrelid = relation.oid AND index.indisprimary
)
FROM pg_class relation
WHERE relation.relkind = 'r' AND relation.relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = relation.oid AND pg_depend.deptype = 'e')
ORDER BY relation.relname COLLATE "C";

-- name: guards
WITH relation AS (
    SELECT pg_class.oid, pg_class.relname, pg_class.relkind FROM pg_class
    WHERE pg_class.relnamespace = 'public'::regnamespace
      AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = pg_class.oid AND pg_depend.deptype = 'e')
)
-- Not-null constraints have names since PostgreSQL 18 only.
SELECT format('constraint %s.%s', relname, conname)
FROM pg_constraint JOIN relation ON relation.oid = conrelid WHERE contype <> 'n'
UNION ALL
SELECT format('trigger %s.%s %s', relname, tgname, tgenabled)
FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT format('index %s', relname) FROM relation WHERE relkind = 'i'
UNION ALL
SELECT format('function %s %s', proname, md5(prosrc)) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE pg_depend.objid = pg_proc.oid AND pg_depend.deptype = 'e')
UNION ALL
SELECT format('numbers %s.%s', relname, attname)
FROM pg_attribute JOIN relation ON relation.oid = attrelid WHERE attidentity <> '' AND relkind = 'r';

-- name: campaigns
SELECT campaign.slug, campaign.state, count(standing.employee_id), count(*) FILTER (WHERE standing.red)
FROM campaigns_campaign campaign LEFT JOIN standings_standing standing ON standing.campaign_id = campaign.id
GROUP BY campaign.slug, campaign.state ORDER BY campaign.slug COLLATE "C";

-- name: standings
-- The columns that decide, as in the final result of a campaign.
COPY (
    SELECT employee.staff_no, standing.counted, standing.target,
        CASE WHEN standing.exempt THEN 'yes' ELSE 'no' END, CASE WHEN standing.red THEN 'yes' ELSE 'no' END
    FROM standings_standing standing
    JOIN campaigns_campaign campaign ON campaign.id = standing.campaign_id
    JOIN employees_employee employee ON employee.id = standing.employee_id
    WHERE campaign.slug = {slug} ORDER BY employee.staff_no COLLATE "C"
) TO STDOUT WITH (FORMAT csv);

-- name: rows
-- The table as a whole has an alias, so that a table without a primary key can be sorted by its whole rows.
COPY (SELECT {columns} FROM {table} AS table_row ORDER BY {sort_key}) TO STDOUT;

-- name: sequences
SELECT relation.relname, attribute.attname,
    pg_get_serial_sequence(format('public.%I', relation.relname), attribute.attname)
FROM pg_attribute attribute JOIN pg_class relation ON relation.oid = attribute.attrelid
WHERE attribute.attidentity <> '' AND relation.relkind = 'r' AND relation.relnamespace = 'public'::regnamespace;

-- name: next_number_used
SELECT coalesce(max({column_name}) >= (SELECT last_value + is_called::int FROM {sequence}), false) FROM {table};
