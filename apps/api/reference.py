"""The OpenAPI description as a readable page: groups of operations, and the shapes they use."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

JSON = "application/json"


@dataclass(frozen=True)
class Field:
    """A parameter or a property: its name, its type in words, the linked shape, and its meaning."""

    name: str
    kind: str
    values: list[str]
    shape: str
    required: bool
    note: str


@dataclass(frozen=True)
class Sample:
    name: str
    text: str


@dataclass(frozen=True)
class ResponseDescription:
    status: str
    meaning: str
    shape: str
    samples: list[Sample]


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field]
    kind: str
    bodies: list[str]
    samples: list[Sample]
    answers: list[ResponseDescription]
    failures: list[ResponseDescription]
    command: str


@dataclass(frozen=True)
class ObjectSchema:
    name: str
    fields: list[Field]


class Reference:
    """Reads one description; `address` is the base of its paths, for the commands to copy."""

    def __init__(self, description: dict[str, Any], address: str):
        self._schemas = description["components"]["schemas"]
        self._paths = description["paths"]
        self._address = address.rstrip("/")

    @property
    def groups(self) -> dict[str, list[Operation]]:
        """Operations by tag."""
        by_tag: dict[str, list[Operation]] = {}
        for path, methods in self._paths.items():
            for method, operation in methods.items():
                by_tag.setdefault(operation["tags"][0], []).append(self._operation(path, method, operation))
        return by_tag

    @property
    def shapes(self) -> list[ObjectSchema]:
        """All shapes with properties, by name. Enumerations are shown where they are used."""
        return [
            ObjectSchema(name, list(self._properties(schema)))
            for name, schema in sorted(self._schemas.items())
            if "properties" in schema
        ]

    def _properties(self, schema: dict[str, Any]) -> Iterator[Field]:
        required = schema.get("required", ())
        for name, part in schema["properties"].items():
            yield self._field(name, part, name in required, part.get("description", ""))

    def _field(self, name: str, schema: dict[str, Any], required: bool, note: str) -> Field:
        kind, values, shape = self._kind(schema)
        limits = [str(schema[word]) for word in ("minimum", "maximum") if word in schema]
        if limits:
            kind = f"{kind}, {' – '.join(limits)}"
        if schema.get("maxLength"):
            kind = _("%(kind)s, up to %(most)s characters") % {"kind": kind, "most": schema["maxLength"]}
        return Field(name, kind, values, shape, required, note)

    def _kind(self, schema: dict[str, Any]) -> tuple[str, list[str], str]:
        """The type of a schema: in words, its allowed values, and the name of the shape."""
        parts = [part for part in schema.get("oneOf", schema.get("allOf", [])) if not self._is_null(part)]
        if len(parts) == 1:
            kind, values, shape = self._kind(parts[0])
        elif "$ref" in schema:
            kind, values, shape = self._named(schema["$ref"].rpartition("/")[2])
        elif schema.get("type") == "array":
            item, values, shape = self._kind(schema["items"])
            kind = _("list of %(item)s") % {"item": item}
        else:
            values, shape = [str(value) for value in schema.get("enum", ())], ""
            kind = _word(schema)
        return (_("%(kind)s or null") % {"kind": kind} if schema.get("nullable") else kind), values, shape

    def _named(self, name: str) -> tuple[str, list[str], str]:
        schema = self._schemas[name]
        return self._kind(schema) if "properties" not in schema else (name, [], name)

    def _is_null(self, schema: dict[str, Any]) -> bool:
        return schema.get("$ref", "").endswith("/NullEnum")

    def _operation(self, path: str, method: str, operation: dict[str, Any]) -> Operation:
        sent: dict[str, dict[str, Any]] = operation.get("requestBody", {}).get("content", {})
        kind = next(iter(sent), JSON)
        body = sent.get(kind, {})
        samples = _samples(body)
        answers = [self._answer(status, parameter) for status, parameter in operation["responses"].items()]
        return Operation(
            id=operation["operationId"],
            method=method.upper(),
            path=path,
            summary=operation["summary"],
            description=operation["description"],
            parameters=[
                self._field(
                    parameter["name"],
                    parameter["schema"],
                    parameter.get("required", False),
                    parameter.get("description", ""),
                )
                for parameter in operation.get("parameters", ())
            ],
            kind=kind,
            bodies=self._shape_names(body.get("schema", {})),
            samples=samples,
            answers=[answer for answer in answers if answer.status < "400"],
            failures=[answer for answer in answers if answer.status >= "400"],
            command=self._command(path, method, operation, kind, samples),
        )

    def _shape_names(self, schema: dict[str, Any]) -> list[str]:
        name = schema.get("$ref", "").rpartition("/")[2]
        if name and "properties" in self._schemas[name]:
            return [name]
        parts = self._schemas.get(name, schema).get("oneOf", ())
        return [name for part in parts for name in self._shape_names(part)]

    def _answer(self, status: str, response: dict[str, Any]) -> ResponseDescription:
        content: dict[str, Any] = next(iter(response.get("content", {}).values()), {})
        names = self._shape_names(content.get("schema", {}))
        return ResponseDescription(
            status, response.get("description", ""), names[0] if names else "", _samples(content)
        )

    def _command(self, path: str, method: str, operation: dict[str, Any], kind: str, samples: list[Sample]) -> str:
        """The operation as a curl command; empty where tokens are not accepted."""
        if not any("token" in scheme for scheme in operation.get("security", ())):
            return ""
        words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
        lines = [f'{" ".join(words)} -H "Authorization: Bearer $TOKEN"']
        if kind != JSON:
            lines += [f'-H "Content-Type: {kind}"', "--data-binary @FILE"]
        elif samples:
            compact = json.dumps(json.loads(samples[0].text), ensure_ascii=False)
            lines += ['-H "Content-Type: application/json"', f"-d {shlex.quote(compact)}"]
        return " \\\n  ".join([*lines, f'"{self._address}{path}"'])


def _samples(content: dict[str, Any]) -> list[Sample]:
    return [
        Sample(sample.get("summary", name), _as_text(sample["value"]))
        for name, sample in content.get("examples", {}).items()
    ]


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _word(schema: dict[str, Any]) -> str:
    words = {
        "date-time": _("instant"),
        "date": _("date"),
        "uri": _("URL"),
        "integer": _("number"),
        "boolean": _("true or false"),
        "string": _("text"),
        "object": _("object"),
    }
    if schema.get("enum"):
        return _("one of")
    return words.get(schema.get("format", "")) or words.get(schema.get("type", ""), _("anything"))
