"""A log with forged lines reports events that did not happen; one without a time zone reports the wrong hour."""

import io
import json
import logging
import runpy
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from apps.campaigns.models import Campaign
from apps.core.log_format import JsonFormatter, LineFormatter, logging_settings
from apps.core.request_id import request_id_scope
from apps.employees.models import Employee
from tests import people

FORM = settings.LOGGING["formatters"]["line"]
NOON = 1_795_000_000.25


def line(message: str, *values: Any, **extra: Any) -> str:
    record = logging.LogRecord("apps.api", logging.ERROR, "", 1, message, values, None)
    record.created, record.msecs = NOON, 250.0
    record.__dict__ |= extra
    return LineFormatter(FORM["fmt"], style=FORM["style"]).format(record)


def test_the_settings_use_this_log_format() -> None:
    assert FORM["()"] == "apps.core.log_format.LineFormatter"


def test_a_line_shows_the_time_in_utc_and_the_logger(monkeypatch: pytest.MonkeyPatch) -> None:
    assert line("done") == "2026-11-18T11:06:40.250Z ERROR apps.api done"


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_message_cannot_forge_a_log_line(end: str) -> None:
    text = line("Trouble at %s", f"/team/x{end}2026-11-18T11:06:40.250Z INFO apps.api all is well/")
    assert len(text.splitlines()) == 1
    assert "all is well" in text


def test_a_message_cannot_control_a_terminal() -> None:
    assert "\x1b" not in line("Trouble at %s", "/\x1b[2J")


def test_a_quoted_row_is_removed_from_a_message_too() -> None:
    text = line("refused: %s", "duplicate key\nDETAIL:  Key (value)=(grace@outside.example.org) already exists.")
    assert "grace" not in text
    assert "duplicate key" in text


def test_a_traceback_keeps_its_lines() -> None:
    assert line("Trouble", frames="  one\n  two\n").splitlines()[1:] == ["  one", "  two"]
    try:
        raise ValueError("broken")
    except ValueError:
        assert line("Trouble", exc_info=sys.exc_info()).splitlines()[-1] == "ValueError: broken"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/?as_of=yesterday", "/?page=%00"])
def test_a_request_that_is_refused_is_one_line(address: str, alice: Employee, campaign: Campaign) -> None:
    """Tracebacks for mistyped addresses hide the important ones."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(LineFormatter(FORM["fmt"], style=FORM["style"]))
    client = people.sign_in(Client(), alice)
    logging.getLogger().addHandler(handler)
    try:
        assert client.get(address).status_code == 400
    finally:
        logging.getLogger().removeHandler(handler)
    assert "Traceback" not in output.getvalue()
    assert len(output.getvalue().splitlines()) <= 1


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        exc_info = sys.exc_info()
    refused, failed = (line("Trouble", exc_info=exc_info, status_code=status) for status in (404, 500))
    assert len(refused.splitlines()) == 1
    assert failed.splitlines()[-1] == "ValueError: broken"


TOKEN = "cz8k2p-0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "message",
    [
        "Not Found: /set-password/Mg/{}/)",
        "Forbidden (CSRF token missing.): /set-password/Mg/{}/",
        'Too Many Requests: "/set-password/Mg/{}/" from 203.0.113.7',
        "Bad Request: /set-password/Mg/ {}/",
        "Bad Request: /x?next=%2Fset-password%2FMg%2F{}%2F",
        "Not Found: /SET-PASSWORD/Mg/{}",
    ],
)
def test_a_password_link_appears_in_no_log_line(message: str) -> None:
    """A reader of the log could use the link and sign in as its owner."""
    text = line(message.format(TOKEN))
    assert TOKEN not in text
    assert TOKEN[7:] not in text
    assert message.split(": ")[0] in text


def test_everything_after_the_password_page_is_removed() -> None:
    assert line("Not Found: /set-password/Mg/abc/ later").endswith("/set-password/... later")


def test_a_password_link_appears_in_no_traceback() -> None:
    try:
        raise ValueError(f"no page at /set-password/Mg/{TOKEN}/")
    except ValueError:
        assert TOKEN not in line("Trouble", exc_info=sys.exc_info())
    assert TOKEN not in line("Trouble", frames=f"  /set-password/Mg/{TOKEN}/\n")


def test_gunicorn_uses_the_same_log_format() -> None:
    from gunicorn.config import Config

    made = runpy.run_path("gunicorn.conf.py")["logger_class"](Config())
    assert all(
        isinstance(handler.formatter, LineFormatter)
        for handler in (*made.error_log.handlers, *made.access_log.handlers)
    )


@pytest.mark.django_db
def test_a_mistyped_link_is_logged_without_it(alice: Employee) -> None:
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(LineFormatter(FORM["fmt"], style=FORM["style"]))
    logging.getLogger("django.request").addHandler(handler)
    try:
        assert Client().get(f"/set-password/Mg/{TOKEN}/)").status_code == 404
    finally:
        logging.getLogger("django.request").removeHandler(handler)
    assert "/set-password/..." in output.getvalue()
    assert TOKEN not in output.getvalue()


def json_line(message: str, *values: Any, **extra: Any) -> dict[str, Any]:
    record = logging.LogRecord("apps.api", logging.ERROR, "", 1, message, values, extra.pop("exc_info", None))
    record.created, record.msecs = NOON, 250.0
    record.__dict__ |= extra
    text = JsonFormatter().format(record)
    assert len(text.splitlines()) == 1, "an event in two lines is two events for a collector"
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_log_format_json_is_chosen_and_another_one_stops_the_start() -> None:
    chosen = logging_settings("INFO", "json")["formatters"]["line"]["()"]
    assert chosen == "apps.core.log_format.JsonFormatter"
    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT"):
        logging_settings("INFO", "jsonl")


def test_a_json_line_has_time_level_logger_and_message() -> None:
    expected = {
        "time": "2026-11-18T11:06:40.250Z",
        "level": "ERROR",
        "logger": "apps.api",
        "message": "done 1\n\x1b\u2028",
    }
    assert json_line("done %s", "1\n\x1b\u2028") == expected


def test_a_json_line_removes_rows_links_and_tracebacks_as_a_text_line_does() -> None:
    row = f"DETAIL:  Key (value)=(grace@outside.example.org) /set-password/Mg/{TOKEN}/"
    try:
        raise ValueError(f"duplicate key\n{row}")
    except ValueError as error:
        failed = json_line(f"{error}", exc_info=sys.exc_info())
        refused = json_line("Not Found: /x", exc_info=sys.exc_info(), status_code=404)
    assert "ValueError: duplicate key" in failed["traceback"]
    assert "grace" not in str(failed)
    assert TOKEN not in str(failed)
    assert TOKEN not in str(json_line("x", fields={"path": f"/set-password/Mg/{TOKEN}/"}))
    assert "traceback" not in refused
    assert json_line("Trouble", frames="  one\n  two\n")["traceback"] == "  one\n  two\n"


def test_a_json_line_shows_only_chosen_attributes_of_a_record() -> None:
    """Celery attaches a task's arguments to its records, and Django the request with its address and cookies."""
    request = SimpleNamespace(META={"HTTP_X_REQUEST_ID": "a" * 32, "REMOTE_ADDR": "203.0.113.7"})
    shown = json_line("Not Found: /x", data={"args": "(13812345678,)"}, request=request, status_code=404)
    assert shown.keys() == {"time", "level", "logger", "message", "request_id"}
    assert shown["request_id"] == "a" * 32


def test_a_json_line_names_the_request_that_caused_it() -> None:
    assert "request_id" not in json_line("x")
    with request_id_scope("b" * 32):
        assert json_line("x")["request_id"] == "b" * 32


class Gunicorn:
    """gunicorn's logger with an access log, as this repository configures it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, form: str, **options: Any) -> None:
        from gunicorn.config import Config

        # Not the handlers of the tests: their lines would change form too.
        for name in ("gunicorn.error", "gunicorn.access"):
            monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(settings, "LOG_FORMAT", form)
        monkeypatch.setattr(settings, "LOGGING", logging_settings("INFO", form))
        config = Config()
        for name, value in {"accesslog": "-", **options}.items():
            config.set(name, value)
        self.logger = runpy.run_path("gunicorn.conf.py")["logger_class"](config)
        self.output = io.StringIO()
        for handler in (*self.logger.error_log.handlers, *self.logger.access_log.handlers):
            monkeypatch.setattr(handler, "stream", self.output)

    def serve(self) -> str:
        environ = {
            "REQUEST_METHOD": "GET", "RAW_URI": "/team/?q=Grace", "PATH_INFO": "/team/", "QUERY_STRING": "q=Grace",
            "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "203.0.113.7", "HTTP_USER_AGENT": "Firefox",
        }  # fmt: skip
        response = SimpleNamespace(status="200 OK", sent=1234, headers=[("X-Request-ID", "c" * 32)])
        self.logger.access(response, SimpleNamespace(headers=[]), environ, timedelta(milliseconds=12))
        return self.output.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_gunicorns_access_log_names_neither_the_reader_nor_the_search(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Gunicorn(monkeypatch, form).serve()
    assert "GET /team/ 200 1234 12 ms" in text
    assert not any(secret in text for secret in ("203.0.113.7", "Grace", "Firefox"))
    if form == "json":
        entry = json.loads(text)
        assert (entry["path"], entry["status"], entry["milliseconds"]) == ("/team/", 200, 12)
        assert entry["request_id"] == "c" * 32


def test_an_operators_own_form_of_the_access_log_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        Gunicorn(monkeypatch, "text", access_log_format="%(m)s from %(h)s").serve().endswith("GET from 203.0.113.7\n")
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_gunicorns_error_log_names_neither_the_sender_nor_what_was_sent(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gunicorn = Gunicorn(monkeypatch, form)
    gunicorn.logger.warning("Invalid request from ip=203.0.113.7: Invalid HTTP request line: 'GET /?q=Grace'")
    try:
        raise ValueError("broken")
    except ValueError:
        gunicorn.logger.exception("Error handling request %s %s", "GET", "/team/?q=Grace")
    text = gunicorn.output.getvalue()
    assert "Invalid request: Invalid HTTP request line" in text
    assert "GET /team/" in text
    assert not any(secret in text for secret in ("203.0.113.7", "Grace"))
