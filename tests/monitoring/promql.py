"""A small reader of PromQL, for machines without promtool: numbers, selectors, comparisons, *, `and on ()`, and sums.

It evaluates at one instant. What it does not know (rate, quantiles) raises NotKnown; promtool evaluates those.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Callable

from tests.monitoring.scraping import Samples

TOKEN = re.compile(r'\s*("(?:[^"\\])*"|[a-zA-Z_:][\w:]*|\d+(?:\.\d+)?|[=!]~|[=!<>]=|[{}()\[\],<>=*])')
COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, "<": operator.lt, "==": operator.eq, ">=": operator.ge, "<=": operator.le, "!=": operator.ne,
}  # fmt: skip
MATCHED: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "=~": lambda value, pattern: bool(re.fullmatch(pattern, value)),
    "!~": lambda value, pattern: not re.fullmatch(pattern, value),
}
SUMMED: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min, "count": len}
Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


class NotKnown(Exception):
    """An expression that this reader does not know."""


def evaluate(expression: str, samples: Samples) -> Vector:
    """The series that an expression returns, by labels; empty when an alert would not fire."""
    reader = _Reader(expression, samples)
    result = reader.conjunction()
    if reader.tokens:
        raise NotKnown(f"{expression}: {reader.tokens[0]}")
    return result if isinstance(result, dict) else {}


class _Reader:
    def __init__(self, expression: str, samples: Samples) -> None:
        self.samples = samples
        self.tokens = TOKEN.findall(expression)
        if "".join(self.tokens) != re.sub(r"\s", "", expression):
            raise NotKnown(expression)

    def take(self, *expected: str) -> str:
        if not self.tokens or (expected and self.tokens[0] not in expected):
            raise NotKnown(f"{self.tokens[:1]} where {expected} was expected")
        return str(self.tokens.pop(0))

    def next_is(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in tokens

    def conjunction(self) -> Vector | float:
        left = self.comparison()
        while self.next_is("and"):
            for token in ("and", "on", "(", ")"):
                self.take(token)
            # Without common labels: the left side holds where the right side has any series.
            left = left if self.comparison() else {}
        return left

    def comparison(self) -> Vector | float:
        left = self.product()
        if not self.next_is(*COMPARED):
            return left
        holds, right = COMPARED[self.take()], self.product()
        if not isinstance(left, dict):
            raise NotKnown("a number on the left")
        return {labels: value for labels, value in left.items() if _holds(holds, labels, value, right)}

    def product(self) -> Vector | float:
        left = self.operand()
        while self.next_is("*"):
            self.take("*")
            right = self.operand()
            if isinstance(left, dict) or not isinstance(right, dict):
                raise NotKnown("only a number times a vector")
            left = {labels: left * value for labels, value in right.items()}
        return left

    def operand(self) -> Vector | float:
        token = self.take()
        if re.fullmatch(r"[\d.]+", token):
            return float(token)
        if token in SUMMED:
            return self.aggregation(SUMMED[token])
        if self.next_is("("):
            raise NotKnown(token)
        return self.selector(token)

    def aggregation(self, function: Callable[[list[float]], float]) -> Vector:
        by: set[str] = set()
        if self.next_is("by"):
            self.take("by")
            self.take("(")
            while (token := self.take()) != ")":
                by |= {token} - {","}
        self.take("(")
        inner = self.conjunction()
        self.take(")")
        if not isinstance(inner, dict):
            raise NotKnown("an aggregation of a number")
        groups: dict[Labels, list[float]] = defaultdict(list)
        for labels, value in inner.items():
            groups[frozenset(pair for pair in labels if pair[0] in by)].append(value)
        return {labels: function(values) for labels, values in groups.items()}

    def selector(self, name: str) -> Vector:
        wanted = []
        if self.next_is("{"):
            self.take("{")
            while not self.next_is("}"):
                label, matches, value = self.take(), MATCHED[self.take(*MATCHED)], self.take().strip('"')
                wanted.append((label, matches, value))
                if self.next_is(","):
                    self.take(",")
            self.take("}")
        if self.next_is("["):
            raise NotKnown("a range")
        return {
            labels: value
            for (series, labels), value in self.samples.items()
            if series == name and all(matches(dict(labels).get(label, ""), text) for label, matches, text in wanted)
        }


def _holds(holds: Callable[[float, float], bool], labels: Labels, value: float, right: Vector | float) -> bool:
    if isinstance(right, dict):
        return labels in right and holds(value, right[labels])
    return holds(value, right)
