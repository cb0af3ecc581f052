-- name: next_version
INSERT INTO core_setting (name, value) VALUES (%(name)s, '1')
ON CONFLICT (name) DO UPDATE SET value = to_jsonb((core_setting.value #>> '{}')::bigint + 1)
RETURNING (value #>> '{}')::bigint;

-- name: tree
-- Preorder numbers: a team is the interval (first, last], so an index range scan finds all employees below.
WITH RECURSIVE placement AS (
    SELECT employee_id, department, manager_id FROM employees_placement
    WHERE {in_force}(starts_at, ends_at, {as_of})
), walk (employee_id, manager_id, department, depth, path) AS (
    -- A join: when the placements do not fit into memory, NOT IN would scan them once per employee.
    SELECT placement.employee_id, placement.manager_id, placement.department, 0, ARRAY[placement.employee_id]
    FROM placement LEFT JOIN placement AS manager ON manager.employee_id = placement.manager_id
    WHERE manager.employee_id IS NULL
    UNION ALL
    SELECT placement.employee_id, placement.manager_id, placement.department, walk.depth + 1,
        walk.path || placement.employee_id
    FROM walk JOIN placement ON placement.manager_id = walk.employee_id
), numbered AS (
    SELECT walk.*, row_number() OVER (ORDER BY path) AS first FROM walk
), node AS (
    -- One row for the employee's own position, and one for each employee below and for the employee.
    SELECT employee_id, manager_id, department, depth, first FROM numbered
    UNION ALL
    SELECT unnest(path), NULL, NULL, NULL, NULL FROM walk
)
SELECT employee_id, max(manager_id) AS manager_id, max(department) AS department, max(depth) AS depth,
    max(first) AS first, max(first) + count(*) - 2 AS last
FROM node GROUP BY employee_id;

-- name: rebuild
INSERT INTO employees_treenode (employee_id, manager_id, department, depth, first, last, employed)
SELECT employee_id, manager_id, department, depth, first, last, EXISTS(
    SELECT 1 FROM employees_employment employment
    WHERE employment.employee_id = tree.employee_id
      AND in_force_from(employment.starts_at, employment.ends_at, %(at)s)
)
FROM ({tree}) tree;
