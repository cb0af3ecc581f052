"""Without one id from the proxy to the worker, an operator cannot find the lines of the request that a user reports."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from apps.campaigns.models import Campaign
from apps.core.enqueue import enqueue_marking
from apps.core.log_format import JsonFormatter
from apps.core.request_id import is_request_id, request_id, request_id_scope
from apps.core.task_messages import sanitise_message
from apps.localstack.paths import BASE_DIR
from config.celery import app
from tests import hostile, plugin
from tests.brokers import broker_at
from tests.core.test_hostile_broker import MARK, received
from tests.localstack.stack import eventually

OF_THE_PROXY = "0123456789abcdef0123456789abcdef"


def sent_back(settings: Any, given: str, trusted: list[str]) -> str:
    settings.TRUSTED_PROXIES = trusted
    chosen: str = Client().get("/health/live", headers={"x-request-id": given})["X-Request-ID"]
    return chosen


def test_the_id_of_the_proxy_is_kept_and_returned(settings: Any) -> None:
    assert sent_back(settings, OF_THE_PROXY, ["127.0.0.1"]) == OF_THE_PROXY


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "name@example.org-0123456789", "0123456789abcdef\n", "é" * 20]
)
def test_another_text_is_replaced_by_a_new_id(settings: Any, given: str) -> None:
    """The id is part of log lines: it must neither forge one nor name a person."""
    chosen = sent_back(settings, given, ["127.0.0.1"])
    assert is_request_id(chosen)
    assert chosen != given


@pytest.mark.parametrize("trusted", [[], ["10.0.0.0/8"]])
def test_a_reader_cannot_choose_the_id(settings: Any, trusted: list[str]) -> None:
    assert sent_back(settings, OF_THE_PROXY, trusted) not in ("", OF_THE_PROXY)


@pytest.mark.django_db
def test_the_line_of_a_refused_request_has_its_id(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Django logs it when the middleware has ended."""
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    with caplog.at_level(logging.WARNING, "django.request"):
        Client().get("/no-such-page/", headers={"x-request-id": OF_THE_PROXY})
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records if record.name == "django.request"]
    assert [(line["request_id"], line["message"]) for line in lines] == [(OF_THE_PROXY, "Not Found: /no-such-page/")]
    assert request_id() == "", "the next request in this thread gets its own id"


@pytest.mark.parametrize("forged", ["x\ny-0123456789abcdef", "x" * 65, 5, ["x"], None])
def test_a_worker_takes_no_other_text_from_the_broker_for_an_id(forged: Any) -> None:
    message = received(hostile.entry(MARK, request_id=forged))
    sanitise_message(message, app.tasks)
    assert message.headers["request_id"] is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_the_workers_lines_name_the_request_that_asked_for_the_task(
    campaign: Campaign, valkey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "worker.log"
    own = {
        "DATABASE_URL": plugin.PATHS.database_url("app", plugin.DATABASE), "CELERY_BROKER_URL": valkey,
        "DJANGO_SETTINGS_MODULE": "config.settings", "C_FORCE_ROOT": "1", "LOG_FORMAT": "json",
    }  # fmt: skip
    command = [sys.executable, "-m", "celery", "-A", "config.celery", "worker", "-c", "1", "--loglevel", "INFO"]
    with log.open("ab") as output:
        worker = subprocess.Popen(command, env=os.environ | own, cwd=BASE_DIR, stdout=output, stderr=output)
    try:
        with broker_at(valkey, monkeypatch), request_id_scope(OF_THE_PROXY), transaction.atomic():
            enqueue_marking()
        eventually(lambda: "succeeded" in log.read_text(encoding="utf-8"))
    finally:
        worker.terminate()
        worker.wait(30)
    # Every line is JSON: also those of the start, and of the stop, which Celery writes beside its loggers.
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]
    done = [line for line in lines if "succeeded" in line["message"]]
    assert [(line["request_id"], line["task"]) for line in done] == [(OF_THE_PROXY, MARK)]
    assert done[0]["task_id"] in done[0]["message"]
    assert any("Warm shutdown" in line["message"] or "shutdown" in line["message"] for line in lines)
