-- Access ends by a row of accounts_accessending, which a constraint trigger carries out: at once, or at the end of a
-- transaction that defers it. A roster load ends employments long before its commit, and a preview is rolled back: until
-- then no sign-in, session or token of these people may wait.
CREATE FUNCTION accounts_add_ending(accounts bigint[], with_factors boolean) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF accounts IS NOT NULL THEN
        INSERT INTO accounts_accessending (accounts, with_factors) VALUES (accounts, with_factors);
    END IF;
END $$;

CREATE FUNCTION accounts_carry_out_ending() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    PERFORM accounts_end_password(NEW.accounts);
    IF NEW.with_factors THEN
        PERFORM accounts_end_factors(NEW.accounts);
    END IF;
    DELETE FROM accounts_providersubject bound USING accounts_account account
    WHERE account.id = bound.account_id AND account.id = ANY(NEW.accounts) AND account.employee_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = account.employee_id);
    DELETE FROM accounts_accessending WHERE id = NEW.id;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER accounts_ending_due AFTER INSERT ON accounts_accessending
    DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION accounts_carry_out_ending();

CREATE OR REPLACE FUNCTION accounts_employee_email_changed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- A role holder enrolled the factor with a code from the operator, independently of the e-mail address.
    PERFORM accounts_add_ending(
        ARRAY[account.id], NOT EXISTS (SELECT 1 FROM accounts_role WHERE account_id = account.id))
    FROM accounts_account account WHERE account.employee_id = NEW.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION accounts_employment_turned() RETURNS trigger
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
    PERFORM accounts_add_ending(turned, true);
    RETURN NULL;
END $$;

-- Bindings to the provider end with the rest.
DROP TRIGGER employees_employment_ends_bindings ON employees_employment;
DROP FUNCTION accounts_end_bindings();
