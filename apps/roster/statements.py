"""The SQL of a roster load, in its order of execution: set-based, on a staging table."""

# The period guards search for rows that almost never exist. With equal page costs and no statistics yet, the planner
# would scan a million new rows for each one.
PLANNED = "SET LOCAL random_page_cost = 4"
# Dropped first, because a transaction may load more than one roster.
STAGE = """
DROP TABLE IF EXISTS pg_temp.roster_stage, pg_temp.roster_touched, pg_temp.roster_moves, pg_temp.roster_left,
    pg_temp.roster_needs;
CREATE TEMP TABLE roster_stage (
    line int, staff_no text PRIMARY KEY, name text, email text, email_digest bytea, phone text, phone_digest bytea,
    has_phone bool, department text, manager text, time_zone text, starts_at timestamptz, ends_at timestamptz,
    effective_at timestamptz, has_start bool, has_end bool, employee_id bigint, is_new bool DEFAULT false,
    keeps_email bool DEFAULT false, gives_up_email bool DEFAULT false
) ON COMMIT DROP;
CREATE TEMP TABLE roster_touched (employee_id bigint, judged bool) ON COMMIT DROP;
CREATE TEMP TABLE roster_left (employee_id bigint) ON COMMIT DROP;
"""

# A roster never changes the address of an employee or leaver directly: the new address waits for a second person. This
# runs before the rejections below, because a kept address is not free for another row. Exception: a line that was
# undone before its number was used.
KEEP_EMAILS = """
UPDATE roster_stage row SET keeps_email = true FROM employees_employee person
WHERE person.staff_no = row.staff_no AND person.email <> row.email
  AND (EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = person.id)
       OR accounts_number_used(person.id))
"""
# A leaver's address is free; another holder in the file or on the roster keeps it.
GIVE_UP_EMAILS = [
    """
    UPDATE roster_stage row SET gives_up_email = true FROM (
        SELECT DISTINCT ON (email_digest) email_digest, coalesce(ends_at, 'infinity') AS ends_at, staff_no
        FROM roster_stage WHERE NOT keeps_email
        ORDER BY email_digest, coalesce(ends_at, 'infinity') DESC, staff_no DESC
    ) latest
    WHERE row.ends_at <= %(now)s AND latest.email_digest = row.email_digest
      AND (latest.ends_at, latest.staff_no) > (row.ends_at, row.staff_no)
    """,
    """
    UPDATE roster_stage row SET gives_up_email = true WHERE row.ends_at <= %(now)s AND EXISTS (
        SELECT 1 FROM employees_employeeidentity held
        JOIN employees_employee holder ON holder.id = held.employee_id
        JOIN employees_employment work ON work.employee_id = holder.id AND work.ends_at > %(now)s
        WHERE held.kind = 'email' AND held.live AND held.digest = row.email_digest AND holder.staff_no <> row.staff_no
          AND NOT EXISTS (SELECT 1 FROM roster_stage own WHERE own.staff_no = holder.staff_no AND NOT own.keeps_email))
    """,
]
REFUSE_TAKEN_EMAILS = """
DELETE FROM roster_stage row USING employees_employeeidentity held, employees_employee holder
WHERE held.kind = 'email' AND held.live AND held.digest = row.email_digest AND holder.id = held.employee_id
  AND holder.staff_no <> row.staff_no AND NOT row.gives_up_email
  AND NOT EXISTS (SELECT 1 FROM roster_stage own WHERE own.staff_no = holder.staff_no
                  AND (row.keeps_email OR NOT own.keeps_email))
  AND EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = holder.id AND work.ends_at > %(now)s)
RETURNING row.line, 'email', 'email_taken', 'the e-mail of ' || holder.name || ' (' || holder.staff_no || ')',
    holder.name || ' (' || holder.staff_no || ')'
"""
# A staff number becomes a lower-case sign-in name, and a name with an @ is an address. A new number must not match
# another person's sign-in.
NEW_NUMBER = "NOT EXISTS (SELECT 1 FROM employees_employee person WHERE person.staff_no = row.staff_no)"
REFUSE_MISLEADING_NUMBERS = [
    f"""
    DELETE FROM roster_stage row WHERE row.staff_no LIKE '%%@%%' AND {NEW_NUMBER}
    RETURNING row.line, 'staff_no', 'staff_no_sign', 'a staff number has no @', ''
    """,
    f"""
    WITH fresh AS MATERIALIZED (
        SELECT line, lower(staff_no) AS login,
            first_value(line) OVER same_login AS first_line, first_value(staff_no) OVER same_login AS first_staff_no
        FROM roster_stage row WHERE {NEW_NUMBER} WINDOW same_login AS (PARTITION BY lower(staff_no) ORDER BY line)
    ), taken AS (
        SELECT fresh.line, person.staff_no AS by FROM fresh JOIN employees_employee person
            ON lower(person.staff_no) = fresh.login
        UNION ALL SELECT fresh.line, account.login FROM fresh JOIN accounts_account account USING (login)
        UNION ALL SELECT line, first_staff_no FROM fresh WHERE first_line < line
    )
    DELETE FROM roster_stage row USING (SELECT line, min(by) AS by FROM taken GROUP BY line) taken
    WHERE row.line = taken.line
    RETURNING row.line, 'staff_no', 'staff_no_taken', 'the same sign-in name as ' || taken.by, taken.by
    """,
]
MANAGER_UNKNOWN = """
manager <> '' AND NOT EXISTS (SELECT 1 FROM roster_stage boss WHERE boss.staff_no = row.manager)
  AND NOT EXISTS (SELECT 1 FROM employees_employee boss WHERE boss.staff_no = row.manager)
"""
# `about` is only the manager; `explained` adds the text when all rejects are known.
REFUSE_UNKNOWN_MANAGERS = f"""
DELETE FROM roster_stage row WHERE {MANAGER_UNKNOWN}
RETURNING line, 'manager_staff_no', 'unknown_manager', '', manager
"""
LEAVE_MANAGERS_OUT = f"""
WITH unknown AS (SELECT line, manager FROM roster_stage row WHERE {MANAGER_UNKNOWN})
UPDATE roster_stage row SET manager = '' FROM unknown WHERE row.line = unknown.line
RETURNING row.line, unknown.manager
"""
# A first day inside an earlier period, as after a rehire, does not apply to the newest period.
NEWEST = """
SELECT DISTINCT ON (work.employee_id) work.id, work.employee_id, work.starts_at, work.ends_at,
    CASE WHEN row.has_start AND coalesce(row.starts_at, '-infinity') >= coalesce(
            lag(work.ends_at) OVER (PARTITION BY work.employee_id ORDER BY work.starts_at), '-infinity')
         THEN coalesce(row.starts_at, '-infinity') ELSE work.starts_at END AS wanted_start
FROM employees_employment work JOIN employees_employee person ON person.id = work.employee_id
JOIN roster_stage row ON row.staff_no = person.staff_no
ORDER BY work.employee_id, work.starts_at DESC
"""
# Still employed, or both dates correct an ended period.
CORRECTS = """
(newest.ends_at > %(now)s OR row.ends_at <= %(now)s AND coalesce(row.starts_at, '-infinity') < newest.ends_at)
"""
REFUSE_BACKWARDS = f"""
DELETE FROM roster_stage row USING ({NEWEST}) newest, employees_employee person
WHERE person.id = newest.employee_id AND row.staff_no = person.staff_no
  AND {CORRECTS} AND row.ends_at <= newest.wanted_start
RETURNING row.line, 'left_on', 'left_before_start', 'left before the first day that is known of ' || person.name,
    person.name
"""
# Count in the database: sending a million locked ids would be slow.
LOCK_PEOPLE = """
SELECT count(*) FROM (
    SELECT id FROM employees_employee WHERE staff_no IN (SELECT staff_no FROM roster_stage)
    ORDER BY id FOR NO KEY UPDATE) locked
"""
# A preview is rolled back, so it locks only the rows it changes, in the same order as all other writers.
LOCK_CHANGED_PEOPLE = """
SELECT count(*) FROM (
    SELECT person.id FROM employees_employee person JOIN roster_stage row ON row.staff_no = person.staff_no
    WHERE person.name <> row.name OR NOT row.keeps_email AND person.email <> row.email
       OR row.has_phone AND person.phone <> coalesce(row.phone, '')
       OR person.time_zone <> coalesce(row.time_zone, person.time_zone)
    ORDER BY person.id FOR NO KEY UPDATE OF person) locked
"""
# Finds a new employee with more than 128 new managers above in a chain: too many levels, or a cycle. Each step doubles
# the distance, so seven joins suffice; the guard of placements would walk level by level.
DOUBLINGS = 7
NEW_MANAGERS = f"""
WITH up_0 AS (SELECT staff_no, manager FROM roster_stage row WHERE manager <> '' AND {NEW_NUMBER}),
{
    ", ".join(
        f"up_{step} AS (SELECT lower.staff_no, upper.manager FROM up_{step - 1} lower "
        f"JOIN up_{step - 1} upper ON upper.staff_no = lower.manager)"
        for step in range(1, DOUBLINGS + 1)
    )
}
SELECT staff_no FROM up_{DOUBLINGS} ORDER BY staff_no LIMIT 1
"""
# The managers above one employee, nearest first, up to the allowed depth.
NEW_CHAIN = """
WITH RECURSIVE chain AS (
    SELECT staff_no, manager, 0 AS level FROM roster_stage WHERE staff_no = %(staff_no)s
    UNION ALL
    SELECT row.staff_no, row.manager, chain.level + 1 FROM chain JOIN roster_stage row ON row.staff_no = chain.manager
    WHERE chain.level < 100
)
SELECT staff_no FROM chain ORDER BY level
"""
PEOPLE = [
    # Insert in the order of staff numbers, so ids do not depend on the order of rows.
    """
    INSERT INTO employees_employee (staff_no, name, email, phone, time_zone, created_at, email_unproven)
    SELECT staff_no, name, email, coalesce(phone, ''), coalesce(time_zone, ''), %(now)s, %(unproven)s
    FROM roster_stage row
    WHERE NOT EXISTS (SELECT 1 FROM employees_employee person WHERE person.staff_no = row.staff_no)
    ORDER BY staff_no
    """,
    """
    UPDATE roster_stage row SET employee_id = person.id, is_new = NOT EXISTS (
        SELECT 1 FROM employees_employment work WHERE work.employee_id = person.id)
    FROM employees_employee person WHERE person.staff_no = row.staff_no
    """,
    # Earlier statistics show no employee ids, and the planner would join row by row.
    "ANALYZE roster_stage",
    """
    WITH changed AS (
        UPDATE employees_employee person SET name = row.name,
            email = CASE WHEN row.keeps_email THEN person.email ELSE row.email END,
            email_unproven = CASE WHEN row.keeps_email OR person.email = row.email THEN person.email_unproven
                ELSE %(unproven)s END,
            phone = CASE WHEN row.has_phone THEN coalesce(row.phone, '') ELSE person.phone END,
            time_zone = coalesce(row.time_zone, person.time_zone)
        FROM roster_stage row WHERE person.id = row.employee_id AND (
            person.name <> row.name OR NOT row.keeps_email AND person.email <> row.email
            OR row.has_phone AND person.phone <> coalesce(row.phone, '')
            OR person.time_zone <> coalesce(row.time_zone, person.time_zone))
        RETURNING person.id)
    INSERT INTO roster_touched SELECT id, false FROM changed
    """,
    """
    UPDATE accounts_account account SET email = person.email, display_name = person.name
    FROM roster_stage row JOIN employees_employee person ON person.id = row.employee_id
    WHERE account.employee_id = row.employee_id
      AND (account.email, account.display_name) <> (person.email, person.name)
    """,
]
IDENTITIES = """
WITH inherited AS (
    -- An address that a leaver had is given to somebody else: the refusals above left no other case.
    UPDATE employees_employeeidentity held SET live = false, ended_at = %(now)s FROM roster_stage row
    WHERE held.kind = 'email' AND held.live AND held.digest = row.email_digest
      AND NOT row.keeps_email AND NOT row.gives_up_email
      AND held.employee_id <> row.employee_id AND NOT EXISTS (
        SELECT 1 FROM roster_stage own WHERE own.employee_id = held.employee_id AND NOT own.keeps_email)
), wanted AS (
    SELECT employee_id, 'email' AS kind, email AS value, email_digest AS digest FROM roster_stage
    WHERE NOT keeps_email AND NOT gives_up_email
    UNION ALL
    SELECT employee_id, 'phone', phone, phone_digest FROM roster_stage WHERE phone IS NOT NULL
), ended AS (
    UPDATE employees_employeeidentity held SET live = false, ended_at = %(now)s FROM roster_stage row
    WHERE held.employee_id = row.employee_id AND held.live
      AND CASE held.kind WHEN 'email' THEN NOT row.keeps_email ELSE row.has_phone END
      AND NOT EXISTS (SELECT 1 FROM wanted WHERE wanted.employee_id = held.employee_id AND wanted.kind = held.kind
                      AND wanted.digest = held.digest)
) SELECT 1
"""
NEW_IDENTITIES = """
INSERT INTO employees_employeeidentity (employee_id, kind, value, digest, live, started_at, ended_at)
SELECT employee_id, kind, value, digest, live, %(now)s, CASE WHEN NOT live THEN %(now)s END FROM (
    SELECT employee_id, 'email' AS kind, email AS value, email_digest AS digest, NOT gives_up_email AS live
    FROM roster_stage WHERE NOT keeps_email
    UNION ALL
    SELECT employee_id, 'phone', phone, phone_digest, true FROM roster_stage WHERE phone IS NOT NULL) wanted
WHERE NOT EXISTS (SELECT 1 FROM employees_employeeidentity held WHERE (held.live OR NOT wanted.live)
    AND held.employee_id = wanted.employee_id AND held.kind = wanted.kind AND held.digest = wanted.digest)
RETURNING kind, digest
"""
EMPLOYMENTS = [
    # Joiners.
    """
    INSERT INTO employees_employment (employee_id, starts_at, ends_at)
    SELECT employee_id, coalesce(starts_at, '-infinity'), coalesce(ends_at, 'infinity') FROM roster_stage WHERE is_new
    """,
    # The newest period takes the dates.
    f"""
    WITH wanted AS (
        SELECT newest.id, newest.wanted_start AS starts_at,
            CASE WHEN row.has_end THEN coalesce(row.ends_at, 'infinity') ELSE newest.ends_at END AS ends_at
        FROM ({NEWEST}) newest JOIN roster_stage row USING (employee_id) WHERE NOT row.is_new AND {CORRECTS}
    ), changed AS (
        UPDATE employees_employment work SET starts_at = wanted.starts_at, ends_at = wanted.ends_at FROM wanted
        WHERE work.id = wanted.id AND (wanted.starts_at, wanted.ends_at) <> (work.starts_at, work.ends_at)
        RETURNING work.employee_id)
    INSERT INTO roster_touched SELECT employee_id, true FROM changed
    """,
    # Rehires: a leaver whom the file lists as employed gets a new period.
    """
    WITH newest AS (
        SELECT employee_id, max(work.ends_at) AS ended FROM employees_employment work
        JOIN roster_stage row USING (employee_id) WHERE NOT row.is_new GROUP BY employee_id
    ), changed AS (
        INSERT INTO employees_employment (employee_id, starts_at, ends_at)
        SELECT employee_id, CASE WHEN row.starts_at >= ended THEN row.starts_at ELSE %(now)s END,
               coalesce(row.ends_at, 'infinity')
        FROM roster_stage row JOIN newest USING (employee_id)
        WHERE ended <= %(now)s AND (row.ends_at IS NULL OR row.ends_at > %(now)s OR row.starts_at >= ended)
        RETURNING employee_id)
    INSERT INTO roster_touched SELECT employee_id, true FROM changed
    """,
]
PLACEMENTS = [
    """
    INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
    SELECT row.employee_id, coalesce(row.department, ''), boss.id, '-infinity', 'infinity'
    FROM roster_stage row LEFT JOIN employees_employee boss ON boss.staff_no = row.manager WHERE row.is_new
    """,
    """
    CREATE TEMP TABLE roster_moves ON COMMIT DROP AS
    SELECT place.id, row.employee_id, place.starts_at, place.ends_at, coalesce(row.effective_at, %(now)s) AS at,
           coalesce(row.department, place.department) AS department,
           CASE WHEN row.manager IS NULL THEN place.manager_id ELSE boss.id END AS manager_id
    FROM roster_stage row
    JOIN employees_placement place ON place.employee_id = row.employee_id
     AND in_force_from(place.starts_at, place.ends_at, coalesce(row.effective_at, %(now)s))
    LEFT JOIN employees_employee boss ON boss.staff_no = row.manager
    WHERE NOT row.is_new AND (coalesce(row.department, place.department) <> place.department
        OR row.manager IS NOT NULL AND boss.id IS DISTINCT FROM place.manager_id)
    """,
    """
    UPDATE employees_placement place SET ends_at = move.at FROM roster_moves move
    WHERE place.id = move.id AND move.starts_at < move.at
    """,
    """
    UPDATE employees_placement place SET department = move.department, manager_id = move.manager_id
    FROM roster_moves move WHERE place.id = move.id AND move.starts_at = move.at
    """,
    """
    INSERT INTO employees_placement (employee_id, department, manager_id, starts_at, ends_at)
    SELECT employee_id, department, manager_id, at, ends_at FROM roster_moves WHERE starts_at < at
    """,
    "INSERT INTO roster_touched SELECT employee_id, true FROM roster_moves",
]
# New addresses of this load without a request for approval.
NEW_EMAILS = """
SELECT row.line, person.id, person.staff_no, person.name, person.email, row.email
FROM roster_stage row JOIN employees_employee person ON person.id = row.employee_id
WHERE row.keeps_email AND NOT row.gives_up_email AND NOT EXISTS (
    SELECT 1 FROM accounts_emailchange change JOIN accounts_approvalrequest request ON request.id = change.request_id
    WHERE change.employee_id = person.id AND change.waiting AND change.new_email = row.email
      AND request.expires_at > %(now)s)
ORDER BY person.staff_no COLLATE "C"
"""
# People missing from a complete file left the day before, or now if they started today. A rejected number in other
# letter case still counts as a mention.
LEAVERS = """
WITH gone AS (
    UPDATE employees_employment work SET ends_at = CASE WHEN starts_at < %(left)s THEN %(left)s ELSE %(now)s END
    FROM employees_employee person
    WHERE person.id = work.employee_id AND in_force(work.starts_at, work.ends_at, %(now)s)
      AND work.ends_at > %(now)s
      AND NOT EXISTS (SELECT 1 FROM {rows} mentioned WHERE lower(mentioned.staff_no) = lower(person.staff_no))
    RETURNING work.employee_id)
INSERT INTO roster_left SELECT employee_id FROM gone
"""
