"""The plans of a service's queries: each statement is explained just before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.db import connection
from django.db.backends.utils import CursorWrapper

ASKS = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
EXECUTED = re.compile(r"EXECUTE (?P<name>\w+)")
COPIED = re.compile(r"\s*COPY \((?P<select>.*)\) TO STDOUT", re.DOTALL)
WHOLE = "Seq Scan"
# The keys of a node that name its source of rows, in the order of a shortened plan.
KEYS = ("Relation Name", "Index Name", "CTE Name", "Index Cond", "Hash Cond", "Recheck Cond")


@dataclass(frozen=True)
class Plan:
    """PostgreSQL's plan for one statement."""

    statement: str
    root: dict[str, Any]

    def nodes(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every node with its depth, outer ones first."""
        waiting = [(0, self.root)]
        while waiting:
            depth, node = waiting.pop()
            yield depth, node
            waiting += [(depth + 1, below) for below in reversed(node.get("Plans", ()))]

    def shortened(self) -> str:
        """A line for each node that reads a table or joins."""
        lines = []
        for depth, node in self.nodes():
            if "Scan" in node["Node Type"] or "Join" in node["Node Type"] or node["Node Type"] == "Nested Loop":
                source = " ".join(f"{node[key]}" for key in KEYS[:3] if node.get(key))
                condition = next((f" {node[key]}" for key in KEYS[3:] if node.get(key)), "")
                lines.append(f"{'  ' * depth}{node['Node Type']} {source}{condition}".rstrip())
        return "\n".join(lines)


@dataclass
class Plans:
    """The plans of all statements, in order."""

    each: list[Plan] = field(default_factory=list)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return [node for plan in self.each for _depth, node in plan.nodes()]

    @property
    def indexes(self) -> set[str]:
        """The indexes used."""
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def read_whole(self) -> set[str]:
        """The tables read by a sequential scan."""
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == WHOLE}

    @property
    def loops(self) -> list[dict[str, Any]]:
        """Nested loops that scan a whole table for each of their outer rows."""
        return [node for node in self.nodes if node["Node Type"] == "Nested Loop" and _rescans(node)]

    def of(self, *tables: str) -> Plans:
        """The plans of statements that name one of the tables."""
        return Plans([plan for plan in self.each if any(table in plan.statement for table in tables)])


# One row per suppressed identity: while it fits on one page, a scan is cheaper than its index.
SMALL = {"contacts_suppressedidentity"}


def _rescans(loop: dict[str, Any]) -> bool:
    inner = loop["Plans"][1]
    whole = inner["Node Type"] == WHOLE and inner.get("Relation Name") not in SMALL
    return whole and loop["Plans"][0]["Plan Rows"] > 1


@contextmanager
def explained() -> Iterator[Plans]:
    """The plans of every statement inside, including COPY."""
    plans = Plans()

    def explain(statement: str, parameters: Any) -> None:
        prepared = EXECUTED.match(statement)
        if not (prepared or ASKS.match(statement)):
            return
        with connection.connection.cursor() as cursor:
            statement_text = statement
            if prepared:
                # The prepared plan, not the one for these values.
                cursor.execute("SELECT statement FROM pg_prepared_statements WHERE name = %s", [prepared["name"]])
                statement_text = cursor.fetchone()[0]
                cursor.execute("SET plan_cache_mode = force_generic_plan")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            plans.each.append(Plan(statement_text, cursor.fetchone()[0][0]["Plan"]))
            cursor.execute("SET plan_cache_mode = auto")

    def execute(run: Callable[..., Any], statement: str, parameters: Any, many: bool, context: Any) -> Any:
        if not many:
            explain(statement, parameters or None)
        return run(statement, parameters, many, context)

    def copy_expert(self: CursorWrapper, statement: str, file: Any, *rest: Any) -> Any:
        if copied := COPIED.match(statement):
            explain(copied["select"], None)
        return self.cursor.copy_expert(statement, file, *rest)

    with connection.execute_wrapper(execute), mock.patch.object(CursorWrapper, "copy_expert", copy_expert, create=True):
        yield plans
