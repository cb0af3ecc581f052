"""A scrape costs little, writes nothing and answers even without a database."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.campaigns.models import Campaign
from apps.core.models import Setting
from apps.core.sql import fetch_all
from apps.monitoring import collector, figures
from tests.monitoring import scraping
from tests.monitoring.scraping import get, samples, scraped
from tests.unchanged import changed_by_reading

pytestmark = pytest.mark.django_db


def test_prometheus_gets_openmetrics_and_a_person_plain_text(monitored: Client) -> None:
    response = get(monitored, accept="application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1")
    assert response["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert response.content.endswith(b"# EOF\n")
    assert get(monitored)["Content-Type"].startswith("text/plain; version=0.0.4")


def limits() -> list[tuple[str, str]]:
    return fetch_all("SELECT current_setting('transaction_read_only'), current_setting('statement_timeout')")


def test_a_scrape_reads_in_one_short_read_only_transaction(monitored: Client, campaign: Campaign) -> None:
    """A scrape that writes, or reads for minutes, would harm what it watches."""
    before = limits()
    with CaptureQueriesContext(connection) as queries:
        figures.read_figures()
    statements = [query["sql"] for query in queries]
    begin = next(n for n, sql in enumerate(statements) if sql.startswith("SET LOCAL statement_timeout"))
    assert statements[begin + 1] == "SET TRANSACTION READ ONLY"
    # The clock, begin, two limits, rollback (here of a savepoint), and one for each subject; campaigns take four.
    assert len(statements) <= 19
    assert limits() == before, "the limits end with the reading"


def test_a_scrape_changes_nothing(monitored: Client, campaign: Campaign) -> None:
    def scrape(address: str) -> None:
        scraping.forget()
        assert get(monitored).status_code == 200

    assert changed_by_reading(scrape, ["/metrics"]) == []


def test_a_scrape_cannot_write_even_by_mistake(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "drift_by_campaign", lambda: Setting.objects.create(name="x", value=1))
    with pytest.raises(Exception, match="read-only transaction"):
        figures.read_figures()


def test_monitors_at_one_moment_share_a_reading(monitored: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise any client that reaches the port could keep the database busy."""
    readings: list[int] = []
    monkeypatch.setattr(collector, "read_figures", lambda: readings.append(1))
    monkeypatch.setattr(collector, "time", SimpleNamespace(monotonic=lambda: 7.5))
    for _scrape in range(3):
        assert get(monitored).status_code == 200
    assert len(readings) == 1


def test_a_database_that_does_not_answer_leaves_the_rest(monitored: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the night of the deadline the monitor must say what is wrong, and not fall silent."""

    def fail() -> None:
        raise OperationalError("DETAIL: Grace Hopper")

    monkeypatch.setattr(collector, "read_figures", fail)
    text = scraped(monitored)
    found = samples(text)
    assert found[("hundred_figures_ok", frozenset())] == 0
    assert "hundred_work_waiting" not in text
    assert "hundred_build_info" in text
    assert "Hopper" not in text
