CREATE OR REPLACE FUNCTION accounts_guard_approval() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    decided text[] := ARRAY['decision', 'decided_at', 'decided_by_id', 'decided_by_label', 'by_operator',
                            'decided_effect', 'note', 'superseded_by_id'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an approval request can be decided, not deleted' USING ERRCODE = '23H03';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'a request must be stored before another person decides it' USING ERRCODE = '23H03';
        ELSIF NEW.requested_by_id IS NOT NULL THEN
            PERFORM accounts_require_hr(NEW.requested_by_id);
        END IF;
    ELSIF OLD.decision IS NOT NULL OR to_jsonb(NEW) - decided <> to_jsonb(OLD) - decided THEN
        RAISE EXCEPTION 'a request can be decided only once and cannot change' USING ERRCODE = '23H03';
    ELSIF NEW.decision IN ('approved', 'refused') THEN
        IF NEW.decided_at NOT BETWEEN NEW.requested_at AND hundred_clock() OR NEW.decided_at > NEW.expires_at THEN
            RAISE EXCEPTION 'a decision must carry the current time' USING ERRCODE = '23H03';
        ELSIF NOT NEW.by_operator THEN
            PERFORM accounts_require_hr(NEW.decided_by_id);
        END IF;
    END IF;
    RETURN NEW;
END $$;
