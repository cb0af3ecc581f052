"""P1: somebody's name, phone, e-mail and handle are in no log, message of a task, address or report of health.

Every way in is gone through with people nobody else is called like, well, wrongly, and while something breaks; whatever
any logger says at any level meanwhile is read, tracebacks and all.
"""

import io
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string

from apps.campaigns.models import Campaign
from apps.contacts import recording
from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services import submissions
from apps.core.models import AuditEntry, Job, OutboxRow, Progress, RowChange
from apps.employees.models import Employee
from apps.operations import tasks
from tests import files, people
from tests.canary import EMAIL, HANDLE, NAME, PHONE, SPELLED, signs_in
from tests.people import TESTER

pytestmark = pytest.mark.django_db
CSV = f"name,phone,email\n{NAME},{SPELLED},\n{NAME},12,{EMAIL}\n{NAME},,quokka@\n"
CARDS = f"BEGIN:VCARD\nVERSION:3.0\nFN:{NAME}\nTEL:{PHONE}\nEMAIL:zanzibar@\nEND:VCARD\nBEGIN:VCARD\nFN:{NAME}\n"


def console() -> logging.Formatter:
    """The formatter of the settings."""
    told = dict(settings.LOGGING["formatters"]["line"])
    made: logging.Formatter = import_string(told.pop("()"))(**told)
    return made


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., str]]:
    """What every logger has said, as the console shows it, exceptions with their chains.

    The database's own logger tells statements with their values at DEBUG; it speaks in no installation, since Django
    asks for DEBUG = True as well.
    """
    quiet = logging.getLogger("django.db.backends")
    before, quiet.level = quiet.level, logging.INFO
    with caplog.at_level(logging.DEBUG):
        yield lambda form=None: "\n".join((form or console()).format(one) for one in caplog.records)
    quiet.level = before


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Every message that is given to a broker, as it is sent."""
    messages: list[str] = []

    def note(sender: str, body: Any, headers: Any, **more: Any) -> None:
        messages.append(f"{sender} {body} {headers} {more}")

    before_task_publish.connect(note)
    yield messages
    before_task_publish.disconnect(note)


def hand_in(alice: Employee) -> list[str]:
    """Every way in, with good, bad and repeated people; the addresses that were asked for or led to."""
    client, seen = people.sign_in(Client(raise_request_exception=False), alice), list[str]()

    def ask(method: str, address: str, *given: Any, **more: Any) -> Any:
        answer = getattr(client, method)(address, *given, **more)
        seen.extend([address, answer.headers.get("Location", "")])
        return answer

    for reach in (SPELLED, EMAIL, f"@{HANDLE}", "quokka@zanzibar", "1391234", f"{NAME} {SPELLED}\n{NAME} quokka@"):
        ask("post", "/contacts/add/", {"name": NAME, "reach": reach, "key": str(uuid.uuid4())})
    for body in ({"name": NAME, "phone": PHONE}, {"email": "quokka@"}, {"contacts": [{"zanzibar": EMAIL}]}, "quokka"):
        ask("post", "/api/v1/contacts/", json.dumps(body), content_type="application/json")
    ask("post", "/api/v1/contacts/", b"{quokka", content_type="application/json")
    for typed in (NAME, SPELLED, EMAIL, HANDLE):
        ask("get", ask("post", "/contacts/search/", {"q": typed, "sort": "name"}).headers["Location"])
        ask("post", "/api/v1/contacts/search/", json.dumps({"q": typed}), content_type="application/json")
    for name, text in ((f"{NAME}.csv", CSV), ("zanzibar.vcf", CARDS), ("x.csv", NAME), ("x.csv", "\ufffe" + CSV)):
        file = io.BytesIO(text.encode())
        file.name = name
        looked = ask("post", "/contacts/import/", {"file": file})
        if looked.status_code == 302:
            files.make_previews()
            ask("get", looked.headers["Location"])
            ask("post", looked.headers["Location"] + "look/", {"encoding": "utf-8", "role_0": "name"})
            files.make_previews()
            ask("post", looked.headers["Location"] + "confirm/", {"seen": "2"})
    for contact in Contact.objects.of(alice)[:1]:
        ask("get", f"/contacts/{contact.pk}/")
        ask("post", f"/contacts/{contact.pk}/rename/", {"name": f"{NAME} Jr"})
        ask("post", f"/contacts/{contact.pk}/correct/", {"email": "quokka@", "phone": PHONE})
        ask("post", f"/contacts/{contact.pk}/correct/", {"email": f"jr.{EMAIL}"})
        ask("post", f"/contacts/{contact.pk}/end/")
        ask("post", f"/contacts/{contact.pk}/restore/")
    return seen


def test_no_log_message_or_address_shows_who_was_handed_in(
    campaign: Campaign, alice: Employee, logged: Any, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        addresses = hand_in(alice)
    for submission in Submission.objects.filter(state="received"):
        import_submission(submission.pk)
    feed = f"staff_no,name,email,recorded_at\nA001,{NAME},feed.{EMAIL},2026-11-03T00:00:00Z\nA001,{NAME},q@,x\n"
    import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True)
    tasks.sweep()
    people.mark()
    assert Contact.objects.of(alice).count() > 3, "else nobody was handed in"
    assert sent, "else no doorbell rang"
    assert signs_in("\n".join(addresses)) == []
    assert signs_in("\n".join(sent)) == []
    assert signs_in(logged()) == []


def test_neither_does_what_is_kept_of_work_and_of_acts(campaign: Campaign, alice: Employee) -> None:
    hand_in(alice)
    people.mark()
    for model in (Job, Progress, OutboxRow, AuditEntry, RowChange):
        assert signs_in(str(list(model._default_manager.values()))) == [], model.__name__
    assert signs_in(Client().get("/health/ready").content.decode()) == []


BREAKS = {
    "while it is judged": (recording, "judge"),
    "while it is stored": (recording, "store"),
    "after it was stored": (submissions, "queue_reevaluation"),
}


@pytest.mark.parametrize("where", BREAKS)
def test_a_fault_of_ours_tells_where_and_not_who(
    campaign: Campaign, alice: Employee, logged: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    module, name = BREAKS[where]

    def broken(*given: Any, **more: Any) -> Any:
        raise RuntimeError("something of ours broke")

    monkeypatch.setattr(module, name, broken)
    client = people.sign_in(Client(raise_request_exception=False), alice)
    answers = [
        client.post("/contacts/add/", {"name": NAME, "reach": SPELLED, "key": str(uuid.uuid4())}),
        client.post("/api/v1/contacts/", json.dumps({"name": NAME, "email": EMAIL}), content_type="application/json"),
    ]
    assert [one.status_code for one in answers] == [500, 500]
    assert [signs_in(one.content.decode()) for one in answers] == [[], []]
    assert "something of ours broke" in logged(), "else no fault was told"
    assert signs_in(logged()) == []


def test_what_the_database_refuses_is_told_without_its_row(
    campaign: Campaign, alice: Employee, logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its DETAIL line holds the whole row: a check or an index that is met where nobody thought of it."""

    def broken(*given: Any, **more: Any) -> Any:
        ContactIdentity.objects.create(
            employee=alice, contact_id=1, kind="none", value=f"{NAME}\n\n{EMAIL}", digest=b"x"
        )

    monkeypatch.setattr(recording, "store", broken)
    client = people.sign_in(Client(raise_request_exception=False), alice)
    answer = client.post("/contacts/add/", {"name": NAME, "reach": SPELLED, "key": str(uuid.uuid4())})
    assert (answer.status_code, signs_in(answer.content.decode())) == (500, [])
    assert "IntegrityError" in logged()
    assert signs_in(logged()) == []
    assert signs_in(logged(logging.Formatter())), "else the database has said nothing of the row"


@pytest.mark.parametrize("path", ["docs/deployment.md", "docs/privacy.md"])
def test_whoever_sets_a_proxy_up_is_told_to_log_no_query(path: str) -> None:
    """Whom a manager or HR searches for stands there, as somebody's name or staff number."""
    text = (settings.BASE_DIR / path).read_text("utf-8")
    assert "query" in text
    assert "$request " not in text
    assert "http_referer" not in text
