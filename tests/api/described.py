"""Checks every response against the API description: no undeclared status, property or type."""

from functools import lru_cache
from typing import Any

from django.http import HttpResponse
from django.urls import resolve
from jsonschema import Draft202012Validator

from apps.api.views.description import openapi_description

# Any address may return these; unknown addresses are not described at all.
UNDESCRIBED = {405, 406}


def check(method: str, path: str, response: HttpResponse) -> None:
    """Fail when the response is not described for this address, method and status."""
    route = "/" + resolve(path).route.replace("<int:", "{").replace("<slug:", "{").replace("<path:", "{").replace(
        "<uuid:", "{"
    )
    operation = openapi_description("en")["paths"].get(route.replace(">", "}"), {}).get(method.lower())
    if operation is None or response.status_code in UNDESCRIBED:
        return
    declared = operation["responses"].get(str(response.status_code))
    assert declared, f"{method} {route} answered {response.status_code}, which is not described"
    if not response.content:
        assert "content" not in declared
        return
    kind = response.headers["Content-Type"].partition(";")[0]
    assert kind in declared["content"], f"{method} {route} answered {kind}"
    name = declared["content"][kind]["schema"].get("$ref", "").rpartition("/")[2]
    if not name:  # the description itself: any object
        return
    problems = [error.message for error in validator(name).iter_errors(response.json())]  # type: ignore[attr-defined]
    assert not problems, f"{method} {route}: {problems}"


@lru_cache
def validator(name: str) -> Draft202012Validator:
    schemas = {key: strict(value) for key, value in openapi_description("en")["components"]["schemas"].items()}
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schemas})


def strict(schema: Any) -> Any:
    """An OpenAPI 3.0 schema as JSON Schema, in which an undeclared property is an error."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    turned = {key: strict(value) for key, value in schema.items() if key != "nullable"}
    if "$ref" in turned:
        turned["$ref"] = turned["$ref"].replace("#/components/schemas/", "#/$defs/")
    if "properties" in turned:
        turned["additionalProperties"] = False
    return {"anyOf": [turned, {"type": "null"}]} if schema.get("nullable") else turned
