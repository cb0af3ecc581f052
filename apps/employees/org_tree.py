"""The org tree: a cache of the current placements, and the version of the roster it shows."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from apps.core.locks import lock_org_tree
from apps.core.models import Setting

ROSTER_VERSION = "roster_version"


TREE_VERSION = "tree_version"


# SQL for the tree version that the same statement sees, to detect results computed on another version.
TREE_VERSION_SQL = f"coalesce((SELECT (value #>> '{{}}')::bigint FROM core_setting WHERE name = '{TREE_VERSION}'), 0)"


NEXT_TREE = """
INSERT INTO core_setting (name, value) VALUES (%s, '1')
ON CONFLICT (name) DO UPDATE SET value = to_jsonb((core_setting.value #>> '{}')::bigint + 1)
"""


# Preorder numbers: a team is the interval (first, last], so an index range scan finds all employees below.
NUMBERED_TREE = """
WITH RECURSIVE place AS (
    SELECT employee_id, department, manager_id FROM employees_placement WHERE {in_force}
), walk(employee_id, manager_id, department, depth, path) AS (
    -- A join, for a NOT IN goes over everybody once for each as soon as everybody does not fit into memory.
    SELECT place.employee_id, place.manager_id, place.department, 0, ARRAY[place.employee_id]
    FROM place LEFT JOIN place AS boss ON boss.employee_id = place.manager_id WHERE boss.employee_id IS NULL
    UNION ALL
    SELECT place.employee_id, place.manager_id, place.department, walk.depth + 1, walk.path || place.employee_id
    FROM walk JOIN place ON place.manager_id = walk.employee_id
), numbered AS (
    SELECT walk.*, row_number() OVER (ORDER BY path) AS first FROM walk
), tree AS (
    -- Of each one row of its own, and one of everybody who stands below or is it.
    SELECT employee_id, max(manager_id) AS manager_id, max(department) AS department, max(depth) AS depth,
           max(first) AS first, max(first) + count(*) - 2 AS last
    FROM (SELECT employee_id, manager_id, department, depth, first FROM numbered
          UNION ALL SELECT unnest(path), NULL, NULL, NULL, NULL FROM walk) told
    GROUP BY employee_id)
"""


REBUILD_TREE = f"""
{NUMBERED_TREE.format(in_force="in_force_from(starts_at, ends_at, %(at)s)")}
INSERT INTO employees_treenode (employee_id, manager_id, department, depth, first, last, employed)
SELECT employee_id, manager_id, department, depth, first, last,
       EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = tree.employee_id
               AND in_force_from(work.starts_at, work.ends_at, %(at)s))
FROM tree
"""


def roster_version() -> int:
    """The number of changes of the roster. Under the tree lock it does not change until the lock is released."""
    versions = Setting.objects.filter(name=ROSTER_VERSION).values_list("value", flat=True).first()
    return int(versions or 0)


def next_version() -> int:
    """Increment the roster version; the caller holds the tree lock. Returns the new version."""
    version = roster_version() + 1
    Setting.objects.update_or_create(name=ROSTER_VERSION, defaults={"value": version})
    return version


def tree_at_sql(look: str) -> str:
    """CTEs ending in `tree` (employee_id, manager_id, department, depth, first, last): the state just before `look`."""
    return NUMBERED_TREE.format(in_force=f"in_force(starts_at, ends_at, {look})")


def rebuild_tree(at: datetime) -> int:
    """Rebuild today's tree from the placements valid at `at`; returns its size. The caller holds the facts lock.

    Readers see the old tree until the commit.
    """
    lock_org_tree()
    with connection.cursor() as cursor:
        cursor.execute(NEXT_TREE, [TREE_VERSION])
        # Not TRUNCATE, whose lock would block readers until the commit.
        cursor.execute("DELETE FROM employees_treenode")
        # The parts of this statement have no statistics: the planner would assume few rows and scan them once per
        # person.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(REBUILD_TREE, {"at": at})
        built = cursor.rowcount
        cursor.execute("SET LOCAL enable_nestloop = on")
        return built
