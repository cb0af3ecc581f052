"""A log with forged lines reports events that did not happen; one without a time zone reports the wrong hour."""

import io
import logging
import runpy
import sys
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from apps.campaigns.models import Campaign
from apps.core.log_format import LineFormatter
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
