"""The OpenAPI description: valid in both languages, complete, with matching examples; and the page that shows it."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation
from drf_spectacular.renderers import OpenApiYamlRenderer

from apps.api.templatetags.api import with_code
from apps.api.urls import urlpatterns
from apps.api.views.description import openapi_description
from tests.api import described as answers
from tests.dashboard.strict import Page, StrictClient

METHODS = ("get", "post", "put", "patch", "delete")
NOT_DESCRIBED = {"api-docs", "api-nowhere"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in openapi_description("en")["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def parts(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(location, media type object) of every request and response body."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"request {kind}", content
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            yield f"{status} {kind}", content


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_description_is_valid(language: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    with translation.override(language):
        call_command(
            "spectacular", "--validate", "--fail-on-warn", "--lang", language, stdout=out, stderr=err
        )  # fmt: skip
    assert "openapi: 3" in out.getvalue()


def test_every_address_and_method_is_described() -> None:
    known = {(path, method) for path, method, _operation in operations()}
    for entry in urlpatterns:
        if entry.name in NOT_DESCRIBED:
            continue
        route = str(entry.pattern)
        for name, converter in entry.pattern.converters.items():
            kind = type(converter).__name__.removesuffix("Converter").lower()
            route = route.replace(f"<{kind}:{name}>", f"{{{name}}}")
        view = entry.callback.view_class
        there = {method for method in METHODS if hasattr(view, method)}
        assert there
        assert {("/api/v1/" + route, method) for method in there} <= known


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    for path, method, operation in operations():
        where = f"{method} {path}"
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["operationId"], where
        if operation["tags"] == ["description"]:
            continue
        problems = {status for status in operation["responses"] if status >= "400"}
        assert {"400", "401", "403", "500", "503"} <= problems, where
        assert "requestBody" not in operation or {"413", "415"} <= problems, where
        for part, content in parts(operation):
            assert content.get("examples"), f"{where} has no example of {part}"
        asked = [parameter for parameter in operation.get("parameters", ()) if parameter["in"] != "path"]
        assert all(parameter["description"] for parameter in asked), where


def test_every_example_is_of_the_shape_it_illustrates() -> None:
    for path, method, operation in operations():
        for part, content in parts(operation):
            schema = content["schema"]
            if "$ref" not in schema or operation["tags"] == ["description"]:
                continue
            check = answers.validator(schema["$ref"].rpartition("/")[2])
            for name, example in content["examples"].items():
                wrong = [error.message for error in check.iter_errors(example["value"])]
                assert not wrong, f"{method} {path} {part} {name}: {wrong}"


def test_two_ways_to_sign_in_are_described() -> None:
    assert set(openapi_description("en")["components"]["securitySchemes"]) == {"token", "session"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/vnd.oai.openapi", "application/vnd.oai.openapi"),
        ("*/*", "application/vnd.oai.openapi+json"),
    ],
)
def test_the_description_is_served_as_json_and_yaml(accept: str, kind: str) -> None:
    response = Client().get("/api/v1/schema/", headers={"accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"].startswith(kind)
    assert b"/api/v1/standings/" in response.content


def test_a_stranger_makes_the_yaml_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes half a second of processor time."""
    ask = {"accept": "application/vnd.oai.openapi"}
    first = Client().get("/api/v1/schema/", headers=ask)
    assert first["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
    monkeypatch.setattr(OpenApiYamlRenderer, "render", None)
    assert Client().get("/api/v1/schema/", headers=ask).content == first.content


def test_the_description_speaks_the_readers_language() -> None:
    english, chinese = (
        Client().get("/api/v1/schema/", headers={"accept": "application/json", "accept-language": language}).json()
        for language in ("en", "zh-hans")
    )
    assert english["paths"].keys() == chinese["paths"].keys()
    summaries = [
        (one["summary"], chinese["paths"][path][method]["summary"])
        for path, methods in english["paths"].items()
        for method, one in methods.items()
    ]
    assert all(here != there for here, there in summaries)


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_page_says_all_of_it_in_its_first_response(language: str) -> None:
    response = StrictClient().get("/api/v1/docs/", headers={"accept-language": language})
    html = response.content.decode()
    page = Page(html)
    assert "unsafe" not in response["Content-Security-Policy"]
    assert f'<html lang="{language}">' in html
    assert {operation["operationId"] for _path, _method, operation in operations()} <= page.ids
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= page.ids
    # The application's own two scripts: for its menus and for its forms.
    assert html.count("<script") == html.count('<script src="/static/js/') == 2


def test_backticks_become_code_and_nothing_else_does() -> None:
    assert with_code("Scope `own`, <b>`a & b`</b>") == (
        "Scope <code>own</code>, &lt;b&gt;<code>a &amp; b</code>&lt;/b&gt;"
    )
    assert with_code("a lone ` stays") == "a lone ` stays"
