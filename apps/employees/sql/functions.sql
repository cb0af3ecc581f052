CREATE FUNCTION employees_refuse_cycle() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    most_levels CONSTANT int := 100;
    people bigint[];
    times tstzmultirange[];
    levels int := 0;
    at timestamptz;
    person bigint;
    walked bigint[] := ARRAY[]::bigint[];
    names text;
BEGIN
    PERFORM pg_advisory_xact_lock(8101002);
    SELECT array_agg(manager_id), array_agg(during) INTO people, times FROM (
        SELECT manager_id, range_agg(tstzrange(starts_at, ends_at)) AS during FROM changed
        WHERE manager_id IS NOT NULL GROUP BY 1) above;
    WHILE people IS NOT NULL AND levels < most_levels LOOP
        levels := levels + 1;
        SELECT array_agg(manager_id), array_agg(during) INTO people, times FROM (
            SELECT place.manager_id,
                range_agg(tstzmultirange(tstzrange(place.starts_at, place.ends_at)) * below.during) AS during
            FROM unnest(people, times) AS below(id, during)
            JOIN employees_placement place ON place.employee_id = below.id
            WHERE place.manager_id IS NOT NULL AND tstzrange(place.starts_at, place.ends_at) && below.during
            GROUP BY 1) above;
    END LOOP;
    IF people IS NULL THEN
        RETURN NULL;
    END IF;
    person := people[1];
    at := coalesce(lower(times[1]), upper(times[1]) - interval '1 microsecond');
    WHILE person IS NOT NULL AND NOT person = ANY(walked) AND cardinality(walked) < most_levels LOOP
        walked := walked || person;
        SELECT manager_id INTO person FROM employees_placement
        WHERE employee_id = walked[cardinality(walked)] AND in_force_from(starts_at, ends_at, at);
    END LOOP;
    IF person = ANY(walked) THEN
        walked := walked[array_position(walked, person):] || person;
        SELECT string_agg(employee.staff_no, ' > ' ORDER BY place) INTO names FROM unnest(walked) WITH ORDINALITY
            AS walk(id, place) JOIN employees_employee employee ON employee.id = walk.id;
        RAISE EXCEPTION 'reporting cycle: %', names USING ERRCODE = '23H01', DETAIL = names;
    END IF;
    SELECT staff_no INTO names FROM employees_employee WHERE id = people[1];
    RAISE EXCEPTION 'more than % levels report to %', most_levels, names USING ERRCODE = '23H06', DETAIL = names;
END $$;

CREATE FUNCTION employees_refuse_overlap() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    who text;
BEGIN
    PERFORM pg_advisory_xact_lock(8101002);
    EXECUTE format(
        'SELECT person.staff_no FROM changed CROSS JOIN LATERAL ('
        '  SELECT FROM %I other WHERE other.employee_id = changed.employee_id AND other.id <> changed.id'
        '  AND other.starts_at < changed.ends_at AND other.ends_at > changed.starts_at OFFSET 0) met'
        ' JOIN employees_employee person ON person.id = changed.employee_id LIMIT 1', TG_TABLE_NAME) INTO who;
    IF who IS NOT NULL THEN
        RAISE EXCEPTION 'overlapping periods of %', who USING ERRCODE = '23H02', DETAIL = who;
    END IF;
    RETURN NULL;
END $$;
