"""Requests are counted without any person's name or address."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.test import Client

from apps.accounts.services import audit_refused
from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import canary, people
from tests.monitoring.scraping import samples, scraped
from tests.people import TESTER

pytestmark = pytest.mark.django_db


def requests_of(client: Client, route: str) -> tuple[float, float]:
    """How many requests of a route were counted, by status 200 and by the histogram."""
    found = samples(scraped(client))
    labels = {"route": route, "method": "GET", "status": "200"}
    counted = found.get(("hundred_http_requests_total", frozenset(labels.items())), 0)
    return counted, found.get(("hundred_http_request_seconds_count", frozenset({("route", route)})), 0)


def test_requests_are_counted_by_the_name_of_their_route(monitored: Client, bob: Employee, alice: Employee) -> None:
    people.sign_in(monitored, bob)
    before = requests_of(monitored, "team")
    assert monitored.get("/team/B001/").status_code == 200
    assert requests_of(monitored, "team") == (before[0] + 1, before[1] + 1)


def test_a_client_cannot_make_new_series(monitored: Client) -> None:
    """Each new value of a label costs the monitor memory for ever."""
    monitored.generic("BREW", "/nothing/here/alice@corp.example.com/")
    text = scraped(monitored)
    assert 'method="other",route="none",status="404"' in text
    assert "BREW" not in text
    assert "alice" not in text


def test_no_label_names_a_person(
    monitored: Client, hr: Employee, alice: Employee, bob: Employee, campaign: Campaign
) -> None:
    """Metrics leave the installation, and other people keep them."""
    people.record_one(alice, ("email", canary.EMAIL), ("phone", canary.PHONE), name=canary.NAME)
    people.mark()
    audit_refused("A001")
    people.sign_in(monitored, bob)
    for address in ("/team/B001/", "/team/A001/", "/company/", "/contacts/?q=alice", f"/{canary.EMAIL}/"):
        monitored.get(address)
    text = scraped(monitored)
    secrets = ["@", "testserver", "127.0.0.1", TESTER.label, "Sales", "Board", "Support"]
    for person in Employee.objects.all():
        secrets += [person.staff_no, person.name, person.email]
    assert [secret for secret in secrets if secret in text.replace("latest", "")] == []
    assert canary.signs_in(text) == []
    # Labels are words of the program, or the slug of a campaign; never a free text.
    allowed = {"work", "task", "campaign", "state", "channel", "reason", "check", "route", "method", "status", "le"}
    names = {label for (_name, labels) in samples(text) for label, _value in labels}
    assert names <= allowed | {"version", "python", "postgresql"}


SHARED = """
import os, runpy, sys
import django
from pathlib import Path
hooks = runpy.run_path("gunicorn.conf.py")
folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
assert folder.stat().st_mode & 0o777 == 0o700, "other users of the machine must not read or write"
runpy.run_path("gunicorn.conf.py")
assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(folder), "a reload must not lose the counts"
django.setup()
from django.http import HttpResponse
from django.test import RequestFactory
for number in range(3):
    if os.fork() == 0:
        from apps.monitoring.requests import count_request
        for _request in range(number + 1):
            count_request(RequestFactory().get("/"), HttpResponse(), 0.3)
        os._exit(0)
for _worker in range(3):
    os.wait()
from apps.monitoring.requests import request_registry
from prometheus_client import generate_latest
print(generate_latest(request_registry()).decode())
hooks["on_exit"](None)
assert not folder.exists()
"""


def test_the_counts_of_all_processes_are_added_up() -> None:
    """A scrape reaches any of the processes; also one that has died has answered requests."""
    environment = {"METRICS_TOKEN": "x" * 40, "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", SHARED], env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 'hundred_http_requests_total{method="GET",route="none",status="200"} 6.0' in done.stdout
    assert 'hundred_http_request_seconds_bucket{le="0.25",route="none"} 0.0' in done.stdout
    assert 'hundred_http_request_seconds_bucket{le="0.5",route="none"} 6.0' in done.stdout
