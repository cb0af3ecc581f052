"""SCIM filters as SQL conditions on the stored documents (RFC 7644, section 3.4.2.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Expression
from django.db.models.expressions import RawSQL
from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)
from scim2_models.path.resolution import coerce_value

# Each level of nesting is a subquery.
MAX_NODES = 40
COLUMNS = {"id": "id", "meta.created": "created_at", "meta.lastModified": "changed_at"}
ORDERINGS = {CompareOperator.gt: ">", CompareOperator.ge: ">=", CompareOperator.lt: "<", CompareOperator.le: "<="}


@dataclass(frozen=True)
class Condition:
    """A part of a statement and its parameters. `text` holds only operators and the names of declared attributes."""

    text: str
    parameters: tuple[Any, ...] = ()


NEVER = Condition("false")


def filter_condition(scim_filter: ScimFilter[Any], table: str) -> Expression:
    """The condition on rows of `table`. Raises InvalidFilterException for a filter that is too long."""
    compiler = _Compiler(scim_filter, table)
    condition = compiler.visit(scim_filter.ast)
    # The text has no value of the client's: attributes and operators come from the declared schema.
    return RawSQL(condition.text, condition.parameters, output_field=BooleanField())  # noqa: S611 # nosec B611


class _Compiler(FilterVisitor[Condition]):
    def __init__(self, scim_filter: ScimFilter[Any], table: str):
        self.scim_filter, self.table, self.nodes = scim_filter, table, 0

    def visit(self, node: FilterNode) -> Condition:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise InvalidFilterException(detail=f"A filter can have at most {MAX_NODES} parts.")
        return super().visit(node)

    def visit_not(self, node: Not) -> Condition:
        inner = self.visit(node.expr)
        return replace(inner, text=f"NOT ({inner.text})")

    def visit_logical_expr(self, node: LogicalExpr) -> Condition:
        parts = [self.visit(term) for term in node.terms]
        joint = " AND " if node.op == LogicalOperator.and_ else " OR "
        return Condition(
            "(" + joint.join(f"({part.text})" for part in parts) + ")",
            tuple(parameter for part in parts for parameter in part.parameters),
        )

    def visit_present(self, node: Present) -> Condition:
        binding = self._binding(node, for_comparison=False)
        if binding is None:
            return NEVER
        if self._column(binding):
            return Condition("true")
        return self._exists(binding, "value #>> '{}' <> ''")

    def visit_comparison(self, node: Comparison) -> Condition:
        binding = self._binding(node, for_comparison=True)
        if binding is None:
            return NEVER
        value = coerce_value(binding, node.value, node.op)
        if column := self._column(binding):
            return self._compare_column(column, node.op, value)
        if value is None:
            present = self._exists(binding, "value <> 'null'")
            if node.op == CompareOperator.ne:
                return present
            return replace(present, text=f"NOT {present.text}") if node.op == CompareOperator.eq else NEVER
        return self._compare_text(binding, node.op, value)

    def visit_value_path(self, node: ValuePath) -> Condition:
        binding = self._binding(node, for_comparison=False)
        if binding is None:
            return NEVER
        inner = _ItemCompiler(self, binding)
        condition = inner.visit(node.val_filter)
        return Condition(
            f"EXISTS (SELECT FROM jsonb_path_query({self._document()}, {_json_path(binding)}) AS item"
            f" WHERE {condition.text})",
            condition.parameters,
        )

    def _document(self) -> str:
        return f'"{self.table}"."document"'

    def _binding(self, node: Any, *, for_comparison: bool) -> AttributeBinding | None:
        resolve = self.scim_filter.resolve_comparison if for_comparison else self.scim_filter.resolve
        binding = resolve(node.attr_path, strict=False)
        if binding is not None and binding.field_name == "members":
            # They are stored beside the document.
            raise InvalidFilterException(detail="Groups cannot be searched by their members.")
        return binding

    def _column(self, binding: AttributeBinding) -> str:
        name = COLUMNS.get(_names(binding)[-1], "")
        return f'"{self.table}"."{name}"' if name else ""

    def _compare_column(self, column: str, operator: CompareOperator, value: Any) -> Condition:
        if isinstance(value, datetime):
            sign = ORDERINGS.get(operator) or {CompareOperator.eq: "=", CompareOperator.ne: "<>"}.get(operator)
            return Condition(f"{column} {sign} %s", (value,)) if sign else NEVER
        if column.endswith('."id"') and value is not None:
            return _text_condition(f"{column}::text", operator, str(value))
        return Condition("true") if operator == CompareOperator.ne else NEVER

    def _compare_text(self, binding: AttributeBinding, operator: CompareOperator, value: Any) -> Condition:
        expected = str(value).lower() if isinstance(value, bool) else str(binding.comparable(str(value)))
        stored = "value #>> '{}'" if binding.case_exact else "lower(value #>> '{}')"
        if operator == CompareOperator.ne:
            # No value of an attribute with several equals the operand; a missing value differs from any.
            equal = self._exists(binding, *_parts(_text_condition(stored, CompareOperator.eq, expected)))
            return replace(equal, text=f"NOT {equal.text}")
        return self._exists(binding, *_parts(_text_condition(stored, operator, expected)))

    def _exists(self, binding: AttributeBinding, where: str, *parameters: Any) -> Condition:
        source = f"jsonb_path_query({self._document()}, {_json_path(binding)}) AS value"
        return Condition(f"EXISTS (SELECT FROM {source} WHERE {where})", parameters)


class _ItemCompiler(_Compiler):
    """The filter inside the brackets of `emails[...]`, on one entry."""

    def __init__(self, outer: _Compiler, entries: AttributeBinding):
        super().__init__(outer.scim_filter, outer.table)
        self.entries, self.nodes = entries, outer.nodes

    def _document(self) -> str:
        return "item"

    def _binding(self, node: Any, *, for_comparison: bool) -> AttributeBinding | None:
        path = replace(node.attr_path, attr=_names(self.entries)[-1], sub_attr=node.attr_path.attr)
        return self.scim_filter.resolve(path, strict=False)

    def visit_value_path(self, node: ValuePath) -> Condition:
        raise InvalidFilterException(detail="A selection cannot stand in another one.")

    def _column(self, binding: AttributeBinding) -> str:
        return ""

    def _exists(self, binding: AttributeBinding, where: str, *parameters: Any) -> Condition:
        name = _names(binding)[-1].partition(".")[2]
        source = f"""jsonb_path_query(item, '$."{name}"') AS value"""
        return Condition(f"EXISTS (SELECT FROM {source} WHERE {where})", parameters)


def _parts(condition: Condition) -> tuple[Any, ...]:
    return condition.text, *condition.parameters


def _text_condition(stored: str, operator: CompareOperator, expected: str) -> Condition:
    if operator == CompareOperator.eq:
        return Condition(f"{stored} = %s", (expected,))
    if operator == CompareOperator.ne:
        return Condition(f"{stored} <> %s", (expected,))
    if operator == CompareOperator.co:
        return Condition(f"strpos({stored}, %s) > 0", (expected,))
    if operator == CompareOperator.sw:
        return Condition(f"starts_with({stored}, %s)", (expected,))
    if operator == CompareOperator.ew:
        return Condition(f"right({stored}, length(%s)) = %s", (expected, expected))
    return Condition(f'{stored} COLLATE "C" {ORDERINGS[operator]} %s', (expected,))


def _names(binding: AttributeBinding) -> list[str]:
    """The schema of an extension, if it is one, and the attribute as SCIM names it, `emails.type`."""
    schema, _colon, name = binding.urn.rpartition(":")
    return [schema, name] if ":extension:" in schema else [name]


def _json_path(binding: AttributeBinding) -> str:
    """The SQL literal of the path to the attribute's values; a list stands for its entries."""
    *schema, name = _names(binding)
    keys = [*schema, *name.split(".")]
    return "'$" + "".join(f'."{key}"[*]' for key in keys) + "'"
