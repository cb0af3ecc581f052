-- A change of an account is requested by an operator, and decided by another operator or an HR user; never by the owner
-- of the account. All other changes stay with HR.
CREATE FUNCTION accounts_require_role(account bigint, roles text[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- The lock prevents the role from being revoked during the decision.
    PERFORM 1 FROM accounts_role WHERE account_id = account AND role = ANY(roles) FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the role of this account does not allow it' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE OR REPLACE FUNCTION accounts_guard_approval() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    decided text[] := ARRAY['decision', 'decided_at', 'decided_by_id', 'decided_by_label', 'by_operator',
                            'decided_effect', 'note', 'superseded_by_id'];
    of_account boolean := false;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an approval request can be decided, not deleted' USING ERRCODE = '23H03';
    END IF;
    of_account := NEW.kind IN ('role_grant', 'factor_reset', 'sign_on_unbinding');
    IF TG_OP = 'INSERT' THEN
        IF NEW.decision IS NOT NULL THEN
            RAISE EXCEPTION 'a request must be stored before another person decides it' USING ERRCODE = '23H03';
        ELSIF of_account THEN
            PERFORM accounts_require_role(NEW.requested_by_id, ARRAY['operator']);
        ELSIF NEW.requested_by_id IS NOT NULL THEN
            PERFORM accounts_require_hr(NEW.requested_by_id);
        END IF;
    ELSIF OLD.decision IS NOT NULL OR to_jsonb(NEW) - decided <> to_jsonb(OLD) - decided THEN
        RAISE EXCEPTION 'a request can be decided only once and cannot change' USING ERRCODE = '23H03';
    ELSIF NEW.decision IN ('approved', 'refused') THEN
        IF NEW.decided_at NOT BETWEEN NEW.requested_at AND hundred_clock() OR NEW.decided_at > NEW.expires_at THEN
            RAISE EXCEPTION 'a decision must carry the current time' USING ERRCODE = '23H03';
        ELSIF of_account AND NEW.payload ->> 'account' = NEW.decided_by_id::text THEN
            RAISE EXCEPTION 'no one decides on the own account' USING ERRCODE = '23H03';
        ELSIF of_account AND NOT NEW.by_operator THEN
            PERFORM accounts_require_role(NEW.decided_by_id, ARRAY['operator', 'hr']);
        ELSIF NOT NEW.by_operator THEN
            PERFORM accounts_require_hr(NEW.decided_by_id);
        END IF;
    END IF;
    RETURN NEW;
END $$;
