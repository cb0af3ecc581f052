"""Passwords and factors end with the address or the employment in which they were set."""

from django.db import migrations

ENDS = """
-- A password, and a factor that was added with it, prove only who read the mails at the address in force then. Whoever
-- has the address or the employment now sets a new password by a link.
CREATE FUNCTION employees_end_password(accounts bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF accounts IS NULL THEN
        RETURN;
    END IF;
    PERFORM employees_end_access(accounts);
    UPDATE employees_account SET password = '!' WHERE id = ANY(accounts) AND password NOT LIKE '!%';
END $$;

CREATE FUNCTION employees_end_factors(accounts bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM employees_enrolmentcode WHERE account_id = ANY(accounts);
    DELETE FROM mfa_authenticator WHERE user_id = ANY(accounts);
END $$;

CREATE OR REPLACE FUNCTION employees_employee_email_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    holder bigint;
BEGIN
    SELECT id INTO holder FROM employees_account WHERE employee_id = NEW.id;
    IF holder IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM employees_end_password(ARRAY[holder]);
    -- A role holder's factor was enrolled with a code that the operator handed over, whatever the address was.
    IF NOT EXISTS (SELECT 1 FROM employees_role WHERE account_id = holder) THEN
        PERFORM employees_end_factors(ARRAY[holder]);
    END IF;
    RETURN NULL;
END $$;

-- A period that begins or goes, also in the future: time alone may have ended the one before, and may begin this one.
-- Of a period that moves: one that makes an employee a leaver, a leaver an employee, or begins again what was over.
CREATE OR REPLACE FUNCTION employees_employment_turned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := hundred_clock();
    turned bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(account.id) INTO turned FROM new_rows after
        JOIN employees_account account USING (employee_id);
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(account.id) INTO turned FROM old_rows before
        JOIN employees_account account USING (employee_id);
    ELSE
        SELECT array_agg(account.id) INTO turned FROM old_rows before JOIN new_rows after USING (id)
        JOIN employees_account account ON account.employee_id = after.employee_id
        WHERE (before.starts_at <= now AND now < before.ends_at) <> (after.starts_at <= now AND now < after.ends_at)
           OR before.ends_at <= now AND after.ends_at > now;
    END IF;
    PERFORM employees_end_password(turned);
    PERFORM employees_end_factors(turned);
    RETURN NULL;
END $$;
"""
NO_ENDS = """
CREATE OR REPLACE FUNCTION employees_employment_turned() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now timestamptz := hundred_clock();
    turned bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(account.id) INTO turned FROM new_rows after
        JOIN employees_account account USING (employee_id) WHERE after.starts_at <= now AND now < after.ends_at;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(account.id) INTO turned FROM old_rows before
        JOIN employees_account account USING (employee_id) WHERE before.starts_at <= now AND now < before.ends_at;
    ELSE
        SELECT array_agg(account.id) INTO turned FROM old_rows before JOIN new_rows after USING (id)
        JOIN employees_account account ON account.employee_id = after.employee_id
        WHERE (before.starts_at <= now AND now < before.ends_at) <> (after.starts_at <= now AND now < after.ends_at);
    END IF;
    PERFORM employees_end_access(turned);
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION employees_employee_email_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE employees_account SET security_changed_at = hundred_clock() WHERE employee_id = NEW.id;
    RETURN NULL;
END $$;
DROP FUNCTION employees_end_factors(bigint[]);
DROP FUNCTION employees_end_password(bigint[]);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("employees", "0019_access_ends"),
    ]

    operations = [
        migrations.RunSQL(ENDS, NO_ENDS),
    ]
