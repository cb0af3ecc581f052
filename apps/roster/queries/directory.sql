-- name: managers
-- The staff number of each user's manager, where the directory or the roster knows the manager.
SELECT directory_user.id, coalesce(nullif(manager.staff_no, ''), employee.staff_no)
FROM roster_directoryuser directory_user
LEFT JOIN roster_directoryuser manager ON manager.id = roster_directory_manager(directory_user.manager)
LEFT JOIN employees_employee employee ON employee.staff_no = directory_user.manager
WHERE directory_user.id = ANY(%(ids)s::uuid[]) AND directory_user.manager <> ''
  AND coalesce(nullif(manager.staff_no, ''), employee.staff_no) IS NOT NULL;

-- name: chain_above
-- The users above a manager, nearest first, until the user itself: more rows than levels are a cycle.
WITH RECURSIVE chain AS (
    SELECT roster_directory_manager(%(manager)s) AS id, 1 AS level
    UNION ALL
    SELECT roster_directory_manager(known.manager), chain.level + 1
    FROM chain JOIN roster_directoryuser known ON known.id = chain.id
    WHERE chain.level <= 100 AND chain.id <> %(id)s
)
SELECT known.staff_no, known.id = %(id)s FROM chain
JOIN roster_directoryuser known ON known.id = chain.id ORDER BY level;

-- name: departments
-- The name of the only group of each user; a member of several groups has no department by them.
SELECT member.user_id, min(directory_group.display_name)
FROM roster_directorymember member JOIN roster_directorygroup directory_group ON directory_group.id = member.group_id
WHERE member.user_id = ANY(%(ids)s::uuid[]) GROUP BY member.user_id HAVING count(*) = 1;

-- name: present_cells
-- What the roster holds of the employees with these numbers, for columns that the directory does not send.
SELECT employee.staff_no, employee.phone, coalesce(placement.department, ''), coalesce(manager.staff_no, ''),
    employee.time_zone,
    CASE WHEN isfinite(newest.starts_at)
        THEN to_char(newest.starts_at AT TIME ZONE %(zone)s, 'YYYY-MM-DD') ELSE '' END
FROM employees_employee employee
LEFT JOIN employees_placement placement ON placement.employee_id = employee.id
    AND in_force_from(placement.starts_at, placement.ends_at, %(now)s)
LEFT JOIN employees_employee manager ON manager.id = placement.manager_id
LEFT JOIN LATERAL (
    SELECT starts_at FROM employees_employment employment
    WHERE employment.employee_id = employee.id ORDER BY starts_at DESC LIMIT 1
) newest ON true
WHERE employee.staff_no = ANY(%(numbers)s::text[]);

-- name: mark_changed
-- An account changes users, or a group of them: it is their author now. The earlier authors are kept while the roster
-- does not have all that they caused. A value that no roster takes is left out for good and needs no author.
UPDATE roster_directoryuser directory_user
SET version = old.version + 1, changed_at = hundred_clock(), state = 'waiting', problem = '', reason = '',
    load_id = NULL, actor_id = %(by)s, actor_label = %(label)s,
    other_actors = CASE WHEN old.settled THEN '{}'::bigint[] ELSE ARRAY(
        SELECT DISTINCT actor FROM unnest(old.other_actors || old.actor_id) actor WHERE actor <> %(by)s ORDER BY actor
    ) END
FROM (
    SELECT id, version, actor_id, other_actors, load_id,
        state = 'applied' AND problem <> 'unknown_manager' AND (problem <> 'address_waits' OR EXISTS (
            SELECT FROM employees_employee employee
            WHERE employee.staff_no = known.staff_no AND employee.email = known.email
        )) AS settled
    FROM roster_directoryuser known WHERE id = ANY(%(ids)s::uuid[]) ORDER BY id FOR UPDATE
) old
WHERE directory_user.id = old.id
RETURNING old.load_id;

-- name: mark
-- Only users that the directory has not changed since they were read.
UPDATE roster_directoryuser directory_user
SET state = outcome.state, problem = outcome.problem, reason = outcome.reason, load_id = NULL
FROM unnest(
    %(ids)s::uuid[], %(versions)s::bigint[], %(states)s::text[], %(problems)s::text[], %(reasons)s::text[]
) AS outcome (id, version, state, problem, reason)
WHERE directory_user.id = outcome.id AND directory_user.version = outcome.version;

-- name: mark_waiting_addresses
UPDATE roster_directoryuser directory_user SET problem = 'address_waits'
FROM employees_employee employee
WHERE directory_user.id = ANY(%(ids)s::uuid[]) AND employee.staff_no = directory_user.staff_no
  AND directory_user.state = 'applied' AND directory_user.problem <> 'unknown_manager'
  AND employee.email <> directory_user.email;

-- name: settle_addresses
UPDATE roster_directoryuser directory_user SET problem = ''
FROM employees_employee employee
WHERE directory_user.state = 'applied' AND directory_user.problem = 'address_waits'
  AND employee.staff_no = directory_user.staff_no AND employee.email = directory_user.email;

-- name: wake_reports
-- Users whose manager was unknown, and no longer is.
UPDATE roster_directoryuser directory_user SET state = 'waiting', problem = '', reason = ''
WHERE directory_user.problem = 'unknown_manager' AND directory_user.state <> 'waiting'
  AND EXISTS (
    SELECT FROM employees_employee employee
    WHERE employee.staff_no = coalesce(
        (SELECT staff_no FROM roster_directoryuser manager
         WHERE manager.id = roster_directory_manager(directory_user.manager)),
        directory_user.manager));
