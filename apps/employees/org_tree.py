"""The org tree: a cache of the current placements, and the version of the roster it shows."""

from datetime import datetime

from django.db import connection
from psycopg2 import sql

from apps.core.locks import lock_org_tree
from apps.core.models import Setting
from apps.core.sql import fetch_all, statement

ROSTER_VERSION, TREE_VERSION = "roster_version", "tree_version"
# SQL for the tree version that the same statement sees, to detect results computed on another version.
TREE_VERSION_SQL = "coalesce((SELECT (value #>> '{}')::bigint FROM core_setting WHERE name = 'tree_version'), 0)"
NEXT_VERSION = statement("employees", "org_tree", "next_version")
TREE = statement("employees", "org_tree", "tree")
REBUILD_TREE = sql.SQL(statement("employees", "org_tree", "rebuild")).format(
    tree=sql.SQL(TREE).format(in_force=sql.SQL("in_force_from"), as_of=sql.Placeholder("at"))
)


def roster_version() -> int:
    """The number of changes of the roster. Under the tree lock it does not change until the lock is released."""
    version = Setting.objects.filter(name=ROSTER_VERSION).values_list("value", flat=True).first()
    return int(version or 0)


def next_version(name: str = ROSTER_VERSION) -> int:
    """Increment a version; the caller holds the tree lock. Returns the new version."""
    [[version]] = fetch_all(NEXT_VERSION, {"name": name})
    return int(version)


def tree_at_sql(as_of: str) -> str:
    """The CTE `tree` (employee_id, manager_id, department, depth, first, last): the state just before `as_of`, an
    expression.
    """
    return f"WITH tree AS ({TREE.format(in_force='in_force', as_of=as_of)})"


def rebuild_tree(at: datetime) -> int:
    """Rebuild today's tree from the placements valid at `at`; returns its size. The caller holds the facts lock.

    Readers see the old tree until the commit.
    """
    lock_org_tree()
    next_version(TREE_VERSION)
    with connection.cursor() as cursor:
        # Not TRUNCATE, whose lock would block readers until the commit.
        cursor.execute("DELETE FROM employees_treenode")
        # The parts of this statement have no statistics: the planner would assume few rows and scan them once per
        # person.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(REBUILD_TREE, {"at": at})
        built = cursor.rowcount
        # The caller's transaction goes on with other statements.
        cursor.execute("SET LOCAL enable_nestloop = on")
        return built
