CREATE FUNCTION roster_take_back(load uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM roster_rosterimport last WHERE last.id = load AND last.state = 'done' AND last.undone_at IS NULL
            AND last.version = (SELECT max(version) FROM roster_rosterimport)
    ) THEN
        RAISE EXCEPTION 'load % is not the last one', load;
    END IF;
    DELETE FROM employees_employeeidentity WHERE id IN (SELECT row_id FROM roster_rosterimportbefore
        WHERE load_id = load AND place = 'employees_employeeidentity' AND before IS NULL);
    DELETE FROM employees_placement WHERE id IN (SELECT row_id FROM roster_rosterimportbefore
        WHERE load_id = load AND place = 'employees_placement' AND before IS NULL);
    DELETE FROM employees_employment WHERE id IN (SELECT row_id FROM roster_rosterimportbefore
        WHERE load_id = load AND place = 'employees_employment' AND before IS NULL);
END $$;
