"""What is left of an undone line of the roster opens nothing for the person who comes under its number later."""

from django.db import migrations

UNDONE = """
-- As in 0017, and: of whom no employment is left the address is the next load's to say.
CREATE OR REPLACE FUNCTION employees_guard_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM employees_role WHERE role = 'hr')
        OR NOT EXISTS (SELECT 1 FROM employees_employment WHERE employee_id = NEW.id)
    THEN
        RETURN NEW;
    ELSIF EXISTS (
        SELECT 1 FROM employees_emailchange change
        JOIN employees_approvalrequest request ON request.id = change.request_id
        WHERE change.employee_id = NEW.id AND change.old_email = OLD.email AND change.new_email = NEW.email
          AND change.waiting AND request.decision = 'approved'
    ) OR EXISTS (
        SELECT 1 FROM employees_rosterbefore kept
        JOIN employees_approvalrequest request ON request.kind = 'roster_undo' AND request.subject = kept.load_id::text
        WHERE kept.place = 'employees_employee' AND kept.row_id = NEW.id AND kept.before ->> 'email' = NEW.email
          AND request.decision = 'approved'
    ) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'an e-mail address changes with a second person' USING ERRCODE = '23H04';
END $$;

CREATE FUNCTION employees_end_bindings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM employees_providersubject bound USING employees_account account, old_rows before
    WHERE account.id = bound.account_id AND account.employee_id = before.employee_id
      AND NOT EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = before.employee_id);
    RETURN NULL;
END $$;
CREATE TRIGGER employees_employment_ends_bindings AFTER DELETE ON employees_employment
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION employees_end_bindings();
"""
NO_UNDONE = """
DROP TRIGGER employees_employment_ends_bindings ON employees_employment;
DROP FUNCTION employees_end_bindings();
"""


class Migration(migrations.Migration):
    dependencies = [("employees", "0022_reporting_depth")]

    operations = [migrations.RunSQL(UNDONE, NO_UNDONE)]
