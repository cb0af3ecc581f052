"""Rewrites what Entra and Okta send into the form of RFC 7644. Pure; unknown content is left as it is.

They send booleans as text, a manager as plain text or as a list, paths as the keys of a value, null or an empty text
for "remove", and the resource's id in the value of an operation without a path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from apps.api.scim.schemas import ENTERPRISE

BOOLEANS = {"true": True, "false": False}
# What a service sets itself; Okta repeats it in the value of an operation.
OWN_ATTRIBUTES = ("id", "schemas", "meta")


def normalised(body: bytes, *, patch: bool) -> bytes:
    """The body of a request; one that is no JSON object is returned unchanged, and the library refuses it."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return body
    if not isinstance(content, dict):
        return body
    if patch:
        name = next((key for key in content if key.lower() == "operations"), None)
        if name is None or not isinstance(content[name], list):
            return body
        content = {
            "schemas": content.get("schemas", []),
            "Operations": [operation for sent in content[name] for operation in _operations(sent)],
        }
    else:
        content = _resource(content)
    return json.dumps(content).encode()


def _resource(content: dict[str, Any]) -> dict[str, Any]:
    resource = {key: _value(key, value) for key, value in content.items()}
    extension = resource.get(ENTERPRISE)
    if isinstance(extension, dict):
        values = {key: _value(key, value) for key, value in extension.items()}
        resource[ENTERPRISE] = {key: value for key, value in values.items() if value not in ("", None)}
    return {key: value for key, value in resource.items() if value is not None}


def _operations(sent: Any) -> Iterator[Any]:
    """The operations that one sent operation stands for."""
    if not isinstance(sent, dict):
        yield sent
        return
    operation = {key.lower(): value for key, value in sent.items()}
    if isinstance(operation.get("op"), str):
        operation["op"] = operation["op"].lower()
    path, value = operation.get("path"), operation.get("value")
    if path or not isinstance(value, dict):
        yield _operation(operation, path, value)
        return
    yield from _parts(operation, value)


def _parts(operation: dict[str, Any], value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The operations of a value without a path: one for each key that is a path, and one for all others."""
    plain = {}
    for key, part in value.items():
        if key.lower() in OWN_ATTRIBUTES:
            continue
        if _is_path(key) or part in (None, ""):
            yield _operation(operation, key, part)
        elif isinstance(part, dict) and key.lower() == ENTERPRISE.lower():
            for name, cell in part.items():
                yield _operation(operation, f"{ENTERPRISE}:{name}", cell)
        else:
            plain[key] = _value(key, part)
    if plain:
        yield {"op": operation.get("op"), "value": plain}


def _is_path(key: str) -> bool:
    lower = key.lower()
    if lower.startswith("urn:"):
        return not lower.endswith((":user", ":group"))
    return "." in key or "[" in key


def _operation(operation: dict[str, Any], path: Any, value: Any) -> dict[str, Any]:
    """One operation with a path; a value that is empty removes it."""
    name = str(path or "").rpartition(":")[2].rpartition(".")[2]
    if operation.get("op") in ("add", "replace") and path and value in (None, ""):
        return {"op": "remove", "path": path}
    if str(path or "").lower().endswith(":manager.value"):
        # The whole manager: otherwise the reference of the one before would stay.
        path, name = str(path)[: -len(".value")], "manager"
    changed = _value(name, value)
    if name.lower() == "manager" and changed is None:
        return {"op": "remove", "path": path}
    result = {"op": operation.get("op")}
    if path:
        result["path"] = path
    if "value" in operation or value is not None:
        result["value"] = changed
    return result


def _value(name: str, value: Any) -> Any:
    """The value of an attribute in its own type; None for an empty manager."""
    name = name.lower()
    if name in ("active", "primary"):
        return _boolean(value)
    if name == "manager":
        return _manager(value)
    if isinstance(value, list):
        return [
            {key: _value(key, part) for key, part in entry.items()} if isinstance(entry, dict) else entry
            for entry in value
        ]
    return value


def _boolean(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        value = value[0].get("value") if isinstance(value[0], dict) else value[0]
    return BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value


def _manager(value: Any) -> Any:
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return {"value": str(value)} if value != "" else None
    if isinstance(value, dict) and value.get("value", value.get("$ref")) in (None, ""):
        return None
    return value
