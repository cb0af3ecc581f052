"""The plans of what a service asks: each statement is explained just before it runs, as the service sent it."""

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
KEPT = re.compile(r"EXECUTE (?P<name>\w+)")
COPIED = re.compile(r"\s*COPY \((?P<select>.*)\) TO STDOUT", re.DOTALL)
WHOLE = "Seq Scan"
# What tells of a node where its rows come from, in the order of a shortened plan.
KEYS = ("Relation Name", "Index Name", "CTE Name", "Index Cond", "Hash Cond", "Recheck Cond")


@dataclass(frozen=True)
class Plan:
    """How PostgreSQL means to answer one statement."""

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
        """A line for each node that reads a table or joins: what a person looks for in a plan."""
        lines = []
        for depth, node in self.nodes():
            if "Scan" in node["Node Type"] or "Join" in node["Node Type"] or node["Node Type"] == "Nested Loop":
                told = " ".join(f"{node[key]}" for key in KEYS[:3] if node.get(key))
                condition = next((f" {node[key]}" for key in KEYS[3:] if node.get(key)), "")
                lines.append(f"{'  ' * depth}{node['Node Type']} {told}{condition}".rstrip())
        return "\n".join(lines)


@dataclass
class Plans:
    """Those of everything that was asked, in order."""

    each: list[Plan] = field(default_factory=list)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        return [node for plan in self.each for _depth, node in plan.nodes()]

    @property
    def indexes(self) -> set[str]:
        """The indexes that are read."""
        return {node["Index Name"] for node in self.nodes if "Index Name" in node}

    @property
    def read_whole(self) -> set[str]:
        """The tables that are read from end to end."""
        return {node["Relation Name"] for node in self.nodes if node["Node Type"] == WHOLE}

    @property
    def loops(self) -> list[dict[str, Any]]:
        """Nested loops that read a table from end to end for each of their outer rows."""
        return [node for node in self.nodes if node["Node Type"] == "Nested Loop" and _rescans(node)]

    def of(self, *tables: str) -> Plans:
        """The plans of statements that name one of the tables."""
        return Plans([plan for plan in self.each if any(table in plan.statement for table in tables)])


# A row for each identity of those who asked to be forgotten: while that is a page, it is read sooner than its index.
SMALL = {"contacts_objection"}


def _rescans(loop: dict[str, Any]) -> bool:
    inner = loop["Plans"][1]
    whole = inner["Node Type"] == WHOLE and inner.get("Relation Name") not in SMALL
    return whole and loop["Plans"][0]["Plan Rows"] > 1


@contextmanager
def explained() -> Iterator[Plans]:
    """The plans of every statement inside, those of COPY too."""
    plans = Plans()

    def explain(statement: str, parameters: Any) -> None:
        kept = KEPT.match(statement)
        if not (kept or ASKS.match(statement)):
            return
        with connection.connection.cursor() as cursor:
            told = statement
            if kept:
                # The plan that is kept, not the one for these values.
                cursor.execute("SELECT statement FROM pg_prepared_statements WHERE name = %s", [kept["name"]])
                told = cursor.fetchone()[0]
                cursor.execute("SET plan_cache_mode = force_generic_plan")
            cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            plans.each.append(Plan(told, cursor.fetchone()[0][0]["Plan"]))
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
