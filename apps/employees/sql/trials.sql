-- A preview of a roster writes and is rolled back. Without this lock no change of the roster waits for it; what it read is
-- checked by the roster's version. So that a trial can never be committed, it leaves a row without an employee, which
-- the deferred foreign key refuses.
CREATE FUNCTION employees_lock_tree() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_setting('hundred.roster', true) = 'trial' THEN
        INSERT INTO employees_treenode (employee_id, department, depth, first, last, employed)
        VALUES (-pg_backend_pid(), '', 0, 0, 0, false) ON CONFLICT DO NOTHING;
    ELSE
        PERFORM pg_advisory_xact_lock(8101002);
    END IF;
END $$;
