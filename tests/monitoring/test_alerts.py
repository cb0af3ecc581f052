"""The alerts of docs/monitoring fire when something is wrong, and are silent otherwise.

Each trial makes a state in the database, scrapes it, and evaluates the rules on what was scraped: with a small reader
of PromQL (tests/monitoring/promql.py) and, where the machine has Prometheus, with promtool.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from apps.campaigns.models import Campaign
from apps.core.audit import audit
from apps.core.models import AuditOutboxRow, Event
from apps.core.outbox import queue_reevaluation
from apps.core.task_runs import record_task_run, scheduled_tasks
from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from apps.roster.directory_models import DirectoryUser
from apps.standings.recount import compare_all, record_drift
from apps.standings.start_run import begin_nightly_recount
from tests import people
from tests.brokers import no_broker
from tests.fixtures import Clock
from tests.monitoring import scraping
from tests.monitoring.promql import NotKnown, evaluate
from tests.monitoring.scraping import Samples, samples, scraped
from tests.standings import drifting

FOLDER = BASE_DIR / "docs" / "monitoring"
RULES_FILE = FOLDER / "alerts.yaml"
RULES = [rule for group in yaml.safe_load(RULES_FILE.read_text("utf-8"))["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
README = (FOLDER / "README.md").read_text("utf-8")
# Where promtool is the only judge: what changes over time.
BY_PROMTOOL_ALONE = {"HundredErrors", "HundredSlow"}
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is missing: apt-get install prometheus")


def firing(found: Samples) -> dict[str, int]:
    """How many alerts of each name fire when these numbers stay as they are."""
    counts = {}
    for rule in RULES:
        if rule["alert"] not in BY_PROMTOOL_ALONE and (series := evaluate(rule["expr"], found)):
            counts[rule["alert"]] = len(series)
    return counts


def promtool_agrees(found: Samples, expected: dict[str, int], folder: Path) -> None:
    """Let Prometheus evaluate the rules on the same numbers, for half an hour."""
    series = [
        {"series": name + "{" + ",".join(f'{label}="{text}"' for label, text in labels) + "}", "values": f"{number}x40"}
        for (name, labels), number in found.items()
    ]
    expression = 'count by (alertname) (ALERTS{alertstate="firing"})'
    counts = [{"labels": f'{{alertname="{name}"}}', "value": number} for name, number in expected.items()]
    test = {"interval": "1m", "input_series": series}
    test["promql_expr_test"] = [{"expr": expression, "eval_time": "35m", "exp_samples": counts}]
    file = folder / "trial.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES_FILE)], "evaluation_interval": "1m", "tests": [test]}), "utf-8"
    )
    done = subprocess.run([str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def fires(monitored: Client, tmp_path: Path) -> Callable[[], dict[str, int]]:
    """Scrapes, and returns what fires; by promtool too, where it is."""

    def scrape() -> dict[str, int]:
        found = samples(scraped(monitored)) | {("up", frozenset({("job", "hundred")})): 1.0}
        expected = firing(found)
        if PROMTOOL:
            promtool_agrees(found, expected, tmp_path)
        return expected

    return scrape


def run_tasks() -> None:
    """Beat and the workers have done everything once."""
    for task in scheduled_tasks():
        record_task_run(task)


@pytest.fixture
def healthy(monitored: Client, broker: None, campaign: Campaign, clock: Clock) -> Iterator[None]:
    """An installation in which everything runs: 23 November, noon, a week before the deadline."""
    begin_nightly_recount(campaign, "2026-11-23")
    people.mark()
    # The opening has been notified.
    Event.objects.all().delete()
    run_tasks()
    yield
    scraping.forget()


@pytest.mark.django_db
def test_a_healthy_installation_is_silent(healthy: None, fires: Callable[[], dict[str, int]]) -> None:
    """An alarm without a cause is switched off, and the next one is not seen."""
    assert fires() == {}


@pytest.mark.django_db
def test_a_stuck_outbox_raises_an_alarm(
    healthy: None, fires: Callable[[], dict[str, int]], alice: Employee, clock: Clock
) -> None:
    """Otherwise pages say "updating" until a user complains."""
    queue_reevaluation([alice.pk])
    assert fires() == {}
    clock.set(clock.now() + timedelta(minutes=6), ticks=True)
    run_tasks()
    assert fires() == {"HundredOutboxStuck": 1}
    people.mark()
    assert fires() == {}


@pytest.mark.django_db
def test_a_receiver_that_falls_behind_raises_an_alarm(
    healthy: None, fires: Callable[[], dict[str, int]], campaign: Campaign, clock: Clock, settings: Any
) -> None:
    settings.AUDIT_STREAM = "stdout"
    AuditOutboxRow.objects.all().delete()
    audit("test.one", by=people.TESTER)
    assert fires() == {}
    clock.set(clock.now() + timedelta(hours=2), ticks=True)
    run_tasks()
    assert fires() == {"HundredAuditStreamLate": 1}
    AuditOutboxRow.objects.all().delete()
    assert fires() == {}


@pytest.mark.django_db
def test_a_directory_that_is_not_loaded_raises_an_alarm(
    healthy: None, fires: Callable[[], dict[str, int]], campaign: Campaign, clock: Clock, settings: Any
) -> None:
    """After two hours it may wait for a second person's decision about others."""
    settings.ROSTER_SOURCE = "scim"
    DirectoryUser.objects.create(document={}, user_name="ann", active=True, actor_id=1, actor_label="HR")
    clock.set(clock.now() + timedelta(hours=2), ticks=True)
    run_tasks()
    assert fires() == {}
    clock.set(clock.now() + timedelta(hours=2), ticks=True)
    run_tasks()
    assert fires() == {"HundredDirectoryStuck": 1}


@pytest.mark.django_db
def test_drift_raises_an_alarm(
    healthy: None, fires: Callable[[], dict[str, int]], campaign: Campaign, alice: Employee
) -> None:
    """A wrong verdict must not wait for the person to notice it."""
    drifting.inject(campaign, alice, by=3)
    record_drift(campaign, len(compare_all(campaign).differences))
    # HR is notified by an event, which no worker has planned yet.
    assert fires() == {"HundredDrift": 1}


@pytest.mark.django_db
def test_a_dead_beat_raises_an_alarm_and_a_louder_one_near_the_deadline(
    healthy: None, fires: Callable[[], dict[str, int]], campaign: Campaign, clock: Clock
) -> None:
    """Without beat nothing is frozen, and everything else looks quiet."""
    clock.set(clock.now() + timedelta(minutes=10), ticks=True)
    late = fires()
    assert set(late) == {"HundredTaskLate"}
    assert late["HundredTaskLate"] >= 8
    clock.set("2026-11-30T02:00:00+08:00", ticks=True)
    begin_nightly_recount(campaign, "2026-11-30")
    people.mark()
    run_tasks()
    assert fires() == {}
    clock.set("2026-11-30T02:03:00+08:00", ticks=True)
    assert fires() == {"HundredSchedulerDeadBeforeDeadline": 1}


@pytest.mark.django_db
def test_a_freeze_that_does_not_come_raises_an_alarm(
    healthy: None, fires: Callable[[], dict[str, int]], campaign: Campaign, clock: Clock
) -> None:
    clock.set("2026-12-01T00:11:00+08:00", ticks=True)
    begin_nightly_recount(campaign, "2026-11-30")
    people.mark()
    run_tasks()
    assert set(fires()) == {"HundredFreezeOverdue"}


@pytest.mark.django_db
def test_a_broker_that_is_away_raises_an_alarm(healthy: None, fires: Callable[[], dict[str, int]]) -> None:
    with no_broker():
        assert fires() == {"HundredBrokerUnreachable": 1}


def test_an_absent_installation_raises_an_alarm() -> None:
    assert firing({("up", frozenset({("job", "hundred"), ("instance", "a")})): 0.0}) == {"HundredUnreachable": 1}


# What changes over time


def requests(status: str, values: str) -> dict[str, str]:
    return {"series": f'hundred_http_requests_total{{route="team",method="GET",status="{status}"}}', "values": values}


def seconds(bound: str, values: str) -> dict[str, str]:
    return {"series": f'hundred_http_request_seconds_bucket{{route="team",le="{bound}"}}', "values": values}


@needs_promtool
@pytest.mark.parametrize(
    ("series", "alert"),
    [
        ([requests("200", "0+100x60"), requests("500", "0+0x60")], ""),
        ([requests("200", "0+100x60"), requests("500", "0+2x60")], "HundredErrors"),
        ([seconds("1.0", "0+99x60"), seconds("+Inf", "0+100x60")], ""),
        ([seconds("1.0", "0+90x60"), seconds("2.5", "0+100x60"), seconds("+Inf", "0+100x60")], "HundredSlow"),
    ],
    ids=["no errors", "errors", "quick", "slow"],
)
def test_errors_and_slow_answers_raise_an_alarm(series: list[dict[str, str]], alert: str, tmp_path: Path) -> None:
    expected = [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if alert else []
    query = {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "40m", "exp_samples": expected}
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [query]}
    file = tmp_path / "trial.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES_FILE)], "evaluation_interval": "1m", "tests": [test]}), "utf-8"
    )
    done = subprocess.run([str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# The files


@needs_promtool
def test_promtool_accepts_the_rules() -> None:
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", "--lint-fatal", str(RULES_FILE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expressions() -> list[str]:
    """Those of the rules and of the panels."""
    panels = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
    return [rule["expr"] for rule in RULES] + [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.django_db
def test_every_expression_names_metrics_and_values_that_exist(monitored: Client) -> None:
    """An alert on a metric that was renamed never fires, and no operator notices."""
    monitored.get("/health/live")
    text = scraped(monitored)
    families = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
    endings = {"histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "counter": ("",), "info": ("_info",)}
    names = {name + ending for name, kind in families.items() for ending in endings[kind]}
    assert len(names) > 25
    used = {name for expression in expressions() for name in re.findall(r"\bhundred_\w+", expression)}
    assert used <= names
    assert names - used <= {"hundred_http_request_seconds_sum", "hundred_http_request_seconds_count"}, "shown nowhere"
    optional = {"audit_stream", "directory"}
    values: dict[str, set[str]] = {"check": {"replica", "audit_stream"}, "work": optional, "task": set()}
    for _name, labels in samples(text):
        for label, value in labels:
            values.setdefault(label, set()).add(value)
    for expression in expressions():
        for label, text in re.findall(r'\b(check|work|task)(?:=|!=|=~|!~)"([^"]*)"', expression):
            assert set(text.split("|")) <= values[label], expression


def test_every_alert_is_complete_and_says_what_to_do() -> None:
    """An alarm at night helps only who knows the next step."""
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))
    for rule in RULES:
        assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
        assert set(rule["annotations"]) == {"summary"}, rule["alert"]
        assert re.fullmatch(r"\d+m", rule.get("for", "0m")), rule["alert"]
    assert re.findall(r"^- \*\*(\w+)\*\*", README, re.MULTILINE) == names


def test_the_dashboard_can_be_imported() -> None:
    identifiers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identifiers) == len(set(identifiers))
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        assert set(panel["gridPos"]) == {"h", "w", "x", "y"}
        assert panel["type"] == "row" or panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]


# The reader of PromQL


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("a", 2), ("a > 1", 1), ("2 * a", 2), ('a{x="1"}', 1), ('a{x!="1"}', 1), ('a{x=~"1|2"}', 2), ("sum(a) > 2", 1),
        ("sum by (x) (a) > 1", 1), ("a > 0 and on () b", 2), ("a > 0 and on () b > 9", 0), ("a < 0.5 * b", 0), ("c", 0),
    ],
)  # fmt: skip
def test_the_reader_knows_what_it_reads(expression: str, found: int) -> None:
    made: Samples = {("a", frozenset({("x", "1")})): 1.0, ("a", frozenset({("x", "2")})): 2.0, ("b", frozenset()): 3.0}
    assert len(evaluate(expression, made)) == found


@pytest.mark.parametrize("expression", ["rate(a[5m])", "a +", "a or b", "topk(1, a)", "a > 1 ; b"])
def test_the_reader_refuses_what_it_does_not_know(expression: str) -> None:
    with pytest.raises(NotKnown):
        evaluate(expression, {})


def test_promtool_alone_judges_only_what_the_reader_does_not_know() -> None:
    unknown = set()
    for rule in RULES:
        try:
            evaluate(rule["expr"], {})
        except NotKnown:
            unknown.add(rule["alert"])
    assert unknown == BY_PROMTOOL_ALONE


def test_each_trial_would_notice_a_rule_that_never_fires() -> None:
    """The counterpart: a threshold that nothing reaches leaves the outbox's trial without its alarm."""
    stuck: Samples = {("hundred_work_oldest_seconds", frozenset({("work", "outbox")})): 360.0}
    rule: dict[str, Any] = next(rule for rule in RULES if rule["alert"] == "HundredOutboxStuck")
    assert evaluate(rule["expr"], stuck)
    assert not evaluate(rule["expr"].replace("> 300", "> 300000"), stuck)
