CREATE FUNCTION accounts_account_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.security_changed_at := hundred_clock();
    RETURN NEW;
END $$;

CREATE FUNCTION accounts_employee_email_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    holder bigint;
BEGIN
    SELECT id INTO holder FROM accounts_account WHERE employee_id = NEW.id;
    IF holder IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM accounts_end_password(ARRAY[holder]);
    -- A role holder enrolled the factor with a code from the operator, independently of the e-mail address.
    IF NOT EXISTS (SELECT 1 FROM accounts_role WHERE account_id = holder) THEN
        PERFORM accounts_end_factors(ARRAY[holder]);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_employment_turned() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    now timestamptz := hundred_clock();
    turned bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(account.id) INTO turned FROM new_rows after
        JOIN accounts_account account USING (employee_id);
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(account.id) INTO turned FROM old_rows before
        JOIN accounts_account account USING (employee_id);
    ELSE
        SELECT array_agg(account.id) INTO turned FROM old_rows before JOIN new_rows after USING (id)
        JOIN accounts_account account ON account.employee_id = after.employee_id
        WHERE in_force_from(before.starts_at, before.ends_at, now) <> in_force_from(after.starts_at, after.ends_at, now)
           OR before.ends_at <= now AND after.ends_at > now;
    END IF;
    PERFORM accounts_end_password(turned);
    PERFORM accounts_end_factors(turned);
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_end_access(accounts bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF accounts IS NULL THEN
        RETURN;
    END IF;
    UPDATE accounts_account SET security_changed_at = hundred_clock() WHERE id = ANY(accounts);
    UPDATE accounts_apitoken SET revoked_at = hundred_clock() WHERE account_id = ANY(accounts) AND revoked_at IS NULL;
    DELETE FROM accounts_session WHERE account_id = ANY(accounts);
END $$;

CREATE FUNCTION accounts_end_bindings() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM accounts_providersubject bound USING accounts_account account, old_rows before
    WHERE account.id = bound.account_id AND account.employee_id = before.employee_id
      AND NOT EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = before.employee_id);
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_end_email_changes() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE accounts_emailchange SET waiting = false WHERE request_id = NEW.id AND waiting;
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_end_factors(accounts bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    DELETE FROM accounts_enrolmentcode WHERE account_id = ANY(accounts);
    DELETE FROM mfa_authenticator WHERE user_id = ANY(accounts);
END $$;

CREATE FUNCTION accounts_end_password(accounts bigint[]) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF accounts IS NULL THEN
        RETURN;
    END IF;
    PERFORM accounts_end_access(accounts);
    UPDATE accounts_account SET password = '!' WHERE id = ANY(accounts) AND password NOT LIKE '!%';
END $$;

CREATE FUNCTION accounts_factor_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF coalesce(NEW.type, OLD.type) IN ('totp', 'webauthn') THEN
        UPDATE accounts_account SET security_changed_at = hundred_clock()
        WHERE id = coalesce(NEW.user_id, OLD.user_id);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_guard_approval() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    decided text[] := ARRAY['decision', 'decided_at', 'decided_by_id', 'decided_by_label', 'by_operator',
                            'decided_effect', 'note'];
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

CREATE FUNCTION accounts_guard_deputyship() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    ending text[] := ARRAY['ended_at', 'ended_by_id', 'ended_by_label'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a deputyship can be ended, not deleted' USING ERRCODE = '23H03';
    ELSIF OLD.ended_at IS NOT NULL OR to_jsonb(NEW) - ending <> to_jsonb(OLD) - ending THEN
        RAISE EXCEPTION 'a deputyship can be ended only once and cannot change' USING ERRCODE = '23H03';
    ELSIF NEW.ended_at > hundred_clock() THEN
        RAISE EXCEPTION 'an end must carry the current time' USING ERRCODE = '23H03';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION accounts_guard_email() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM accounts_role WHERE role = 'hr')
        OR NOT EXISTS (SELECT 1 FROM employees_employment WHERE employee_id = NEW.id)
            AND NOT accounts_number_used(NEW.id)
    THEN
        RETURN NEW;
    ELSIF EXISTS (
        SELECT 1 FROM accounts_emailchange change
        JOIN accounts_approvalrequest request ON request.id = change.request_id
        WHERE change.employee_id = NEW.id AND change.old_email = OLD.email AND change.new_email = NEW.email
          AND change.waiting AND request.decision = 'approved'
    ) OR EXISTS (
        SELECT 1 FROM roster_rosterimportbefore kept
        JOIN accounts_approvalrequest request ON request.kind = 'roster_undo' AND request.subject = kept.load_id::text
        WHERE kept.place = 'employees_employee' AND kept.row_id = NEW.id AND kept.before ->> 'email' = NEW.email
          AND request.decision = 'approved'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a change of an e-mail address needs a second person' USING ERRCODE = '23H04';
END $$;

CREATE FUNCTION accounts_record_ending() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.ended_recorded_at := CASE WHEN NEW.ends_at < 'infinity' THEN hundred_clock() END;
    RETURN NEW;
END $$;

CREATE FUNCTION accounts_require_hr(account bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- The lock prevents HR's role from being revoked during the decision.
    PERFORM 1 FROM accounts_role WHERE account_id = account AND role = 'hr' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only HR can request and approve' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION accounts_role_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE accounts_account SET security_changed_at = hundred_clock()
    WHERE id = coalesce(NEW.account_id, OLD.account_id);
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_role_given() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM accounts_end_access((SELECT array_agg(DISTINCT account_id) FROM new_rows));
    -- A factor from before the first role was added with the password alone.
    DELETE FROM mfa_authenticator factor USING new_rows given
    WHERE factor.user_id = given.account_id AND NOT EXISTS (
        SELECT 1 FROM accounts_role held WHERE held.account_id = given.account_id
        AND held.id NOT IN (SELECT id FROM new_rows));
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_role_taken() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM accounts_end_access((SELECT array_agg(DISTINCT account_id) FROM old_rows));
    RETURN NULL;
END $$;

CREATE FUNCTION accounts_demand_hr(account bigint) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM 1 FROM accounts_role WHERE account_id = account AND role = 'hr' FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'only HR can adjust' USING ERRCODE = '23H03';
    END IF;
END $$;

CREATE FUNCTION accounts_employee_of(account bigint) RETURNS bigint
    LANGUAGE sql STABLE
    AS $$ SELECT employee_id FROM accounts_account WHERE id = account $$;

-- Whether an account, a contact or a submission ever used this employee's number. A used number is not free for another
-- person's address, with or without an employment. Erased and ended contacts count.
CREATE FUNCTION accounts_number_used(employee bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE
    AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM accounts_account WHERE employee_id = employee AND used_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM contacts_contact WHERE employee_id = employee)
        OR EXISTS (SELECT 1 FROM contacts_submission WHERE employee_id = employee);
END $$;

CREATE FUNCTION accounts_mark_used() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.used_at IS NOT NULL THEN
        NEW.used_at := OLD.used_at;
    ELSIF NEW.used_at IS NULL
        AND (NEW.last_login IS NOT NULL OR NEW.password NOT LIKE '!%' AND NEW.password <> '')
    THEN
        NEW.used_at := hundred_clock();
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION accounts_subject_bound() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE accounts_account SET used_at = hundred_clock() WHERE id = NEW.account_id AND used_at IS NULL;
    RETURN NULL;
END $$;
