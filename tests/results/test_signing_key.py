"""SIGNING_KEY: without it nothing is opened or frozen, and HR learns it in time; it is never stored in the database."""

import base64
import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse

from apps.accounts.services import account_for, grant_role
from apps.campaigns.models import Campaign
from apps.core import health, signing_key
from apps.core.errors import Refused
from apps.core.files import read_file
from apps.core.models import Setting
from apps.core.signing_key import signing_seed
from apps.dashboard.views.exports.new_export import build_if_small
from apps.employees.models import Employee
from apps.exports import export_requests, standings_export
from apps.exports.models import Export
from apps.exports.verify_stored import verify_stored
from apps.operations import tasks
from apps.reports.standings_report import Standings
from apps.results import verification
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.results.freeze import NotSigned, freeze, freeze_due_campaigns
from apps.results.models import FrozenResult
from apps.results.result_versions import ensure_version
from apps.standings.report_people import WholeCompany
from tests.commands import run, say
from tests.files import export
from tests.fixtures import Clock
from tests.people import TESTER, november, record, sign_in
from tests.results import proving

pytestmark = pytest.mark.django_db
AFTER = "2026-12-01T00:05:00+08:00"
KEY = "b25seS1mb3ItdGVzdHMtMDEyMzQ1Njc4OWFiY2RlZmc="
OTHER = "A" * 43 + "="


@pytest.fixture
def no_key(settings: Any) -> Any:
    """A process without the key; returns the settings, to set one again."""
    settings.SIGNING_KEY = ""
    signing_key._log_missing_key_once.cache_clear()
    return settings


@pytest.fixture(autouse=True)
def nothing_said_before() -> Iterator[None]:
    yield
    signing_key._log_missing_key_once.cache_clear()


def test_without_a_key_no_campaign_is_opened_and_hr_reads_what_the_operator_must_set(
    company: dict[str, Employee], hr: Employee, no_key: Any
) -> None:
    with pytest.raises(Refused, match="SIGNING_KEY is not set for the worker"):
        november()
    arguments = ("--name", "X", "--opens", "2026-11-01", "--deadline", "2026-11-30")
    with pytest.raises(CommandError, match="SIGNING_KEY"):
        run("open_campaign", *arguments)
    form = {
        "name": "X", "target": "100", "opens_on": "2026-11-01", "deadline": "2026-11-30", "time_zone": "Asia/Shanghai",
    }  # fmt: skip
    looked = sign_in(Client(), hr).post(reverse("campaign-new"), form)
    assert looked.status_code == 422
    assert "SIGNING_KEY is not set for the worker" in looked.content.decode()
    assert not Campaign.objects.exists()


def test_where_the_worker_has_the_key_the_other_processes_need_none(
    company: dict[str, Employee], settings: Any
) -> None:
    tasks.freeze_due()
    mine = signing_key.public_key()
    settings.SIGNING_KEY = ""
    assert november().state == "open"
    assert Setting.objects.get(name=signing_key.PUBLIC_KEY_SETTING).value == mine


def test_a_worker_without_the_key_is_heard_although_this_process_has_one(
    company: dict[str, Employee], no_key: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker freezes: a key in the web process alone would be noticed at midnight only."""
    for _ in range(3):
        tasks.freeze_due()
    said = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert len(said) == 1, "said, and not every minute"
    assert "SIGNING_KEY is not set" in said[0].getMessage()
    no_key.SIGNING_KEY = KEY
    with pytest.raises(Refused):
        november()
    tasks.freeze_due()
    assert november().state == "open"


def test_health_says_long_before_the_deadline_that_nothing_could_be_signed(client: Client, no_key: Any) -> None:
    told = client.get("/health/ready").json()
    assert (told["status"], told["checks"]["signing"]) == ("degraded", "no_key")
    no_key.SIGNING_KEY = KEY
    health._checks.cache_clear()
    assert client.get("/health/ready").json()["checks"]["signing"] == "ok"


def test_a_campaign_that_is_due_is_closed_in_time_and_frozen_once_there_is_a_key(
    campaign: Campaign, alice: Employee, clock: Clock, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    record(alice, 2)
    settings.SIGNING_KEY = ""
    clock.set(AFTER, ticks=True)
    assert freeze_due_campaigns(TESTER) == []
    assert "November is closed and cannot be frozen. SIGNING_KEY is not set" in caplog.text
    with pytest.raises(NotSigned):
        freeze(campaign=campaign, by=TESTER, wait=True)
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.snapshot_at is None) == ("closing", False)
    record(alice, 3)
    settings.SIGNING_KEY = KEY
    [result] = freeze_due_campaigns(TESTER)
    assert result.snapshot_at == campaign.snapshot_at, "what came while the key was missing does not count"


def test_the_key_is_in_no_table(campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, settings: Any) -> None:
    """A reader of the database or a dump of it, also as the application's role, must not be able to sign."""
    clock.set(AFTER, ticks=True)
    tasks.freeze_due()
    say("public_key")
    tables = connection.introspection.table_names()
    secrets = (settings.SIGNING_KEY, signing_seed(settings.SIGNING_KEY).hex())
    with connection.cursor() as cursor:
        for name in tables:
            out = io.StringIO()
            cursor.copy_expert(f'COPY (SELECT * FROM "{name}") TO STDOUT', out)
            assert not [one for one in secrets if one.rstrip("=") in out.getvalue()], name
    assert FrozenResult.objects.count() == 1


@pytest.fixture
def frozen(campaign: Campaign, alice: Employee, clock: Clock) -> Campaign:
    """Frozen by a worker that has the key."""
    record(alice, 99)
    clock.set(AFTER, ticks=True)
    tasks.freeze_due()
    return Campaign.objects.get()


def test_a_process_without_the_key_leaves_a_correction_and_a_hand_over_to_the_worker(
    frozen: Campaign, hr: Employee, carol: Employee, no_key: Any
) -> None:
    grant_role(employee=carol, role="hr", by=TESTER)
    asked = request_correction(
        campaign=frozen, drafts=[CorrectionDraft("A001", counted=100)], reason="x", evidence="y", by=account_for(hr)
    )
    assert grant_correction(correction_id=asked.pk, by=account_for(carol)) is None
    wish = export_requests.ExportRequest("handover", result_version=1)
    made = export_requests.request_export(campaign=frozen, request=wish, key=uuid.uuid4(), by=account_for(hr).actor)
    build_if_small(made)
    made.refresh_from_db()
    assert made.state == Export.State.WAITING
    no_key.SIGNING_KEY = KEY
    assert ensure_version(asked.pk)
    tasks.make_export(str(made.pk))
    made.refresh_from_db()
    assert made.signature is not None


def test_a_missing_key_is_reported_at_the_grant_and_at_the_payout_file(
    frozen: Campaign, hr: Employee, carol: Employee, no_key: Any
) -> None:
    tasks.freeze_due()
    asked = request_correction(
        campaign=frozen, drafts=[CorrectionDraft("A001", counted=100)], reason="x", evidence="y", by=account_for(hr)
    )
    with pytest.raises(Refused, match="SIGNING_KEY"):
        grant_correction(correction_id=asked.pk, by=account_for(carol))
    with pytest.raises(Refused, match="SIGNING_KEY"):
        export_requests.request_export(
            campaign=frozen,
            request=export_requests.ExportRequest("handover"),
            key=uuid.uuid4(),
            by=account_for(hr).actor,
        )


def test_a_result_verifies_after_the_key_was_changed(frozen: Campaign, settings: Any) -> None:
    settings.SIGNING_KEY = OTHER
    pieces: list[bytes] = []
    standings_export.write_standings(Standings(frozen, WholeCompany()), pieces.append)
    verdict = verify_stored(io.BytesIO(b"".join(pieces)), None, None)
    assert verdict.verified, verdict.sentence


def test_an_announced_key_is_neither_trusted_nor_published(frozen: Campaign, hr: Employee, settings: Any) -> None:
    """The application's role can write it: otherwise a payout file signed by it would verify here."""
    made = export(frozen, hr, "handover")
    raw = io.BytesIO(b"".join(read_file(made.file)))  # type: ignore[arg-type]
    document = verification.read_signature(b"".join(read_file(made.signature)))  # type: ignore[arg-type]
    stranger = Ed25519PrivateKey.generate()
    document["signature"] = base64.b64encode(stranger.sign(verification.signed_bytes(document))).decode()
    Setting.objects.filter(name=signing_key.PUBLIC_KEY_SETTING).update(value=signing_key.pem_of(stranger))
    settings.SIGNING_KEY = ""
    assert verify_stored(raw, json.dumps(document).encode(), None).code == "key"
    with pytest.raises(CommandError, match="SIGNING_KEY is not set"):
        say("public_key")


def test_the_result_of_another_installation_is_proved_by_its_key_and_not_compared(frozen: Campaign) -> None:
    for document in ({}, {"campaign": "december"}):
        raw = io.BytesIO(proving.table(proving.PEOPLE).encode())
        verdict = verify_stored(raw, proving.signed(**document), proving.PEM)
        assert verdict.verified, verdict.sentence
        assert "As stored here" not in verdict.sentence


def test_a_key_that_is_none_signs_nothing(settings: Any) -> None:
    settings.SIGNING_KEY = "Kartoffel"
    with pytest.raises(signing_key.CannotSign, match="is not a key"):
        signing_key.public_key()
    with pytest.raises(CommandError, match="is not a key"):
        say("public_key")
