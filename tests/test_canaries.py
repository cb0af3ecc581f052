"""P1: names, phones, e-mails and handles appear in no log, task message, address or health report.

Every interface is used with uniquely named people: correctly, wrongly, and while something fails. The tests read the
output of all loggers at all levels, including tracebacks.
"""

import ast
import io
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from celery.signals import before_task_publish
from django.conf import settings
from django.test import Client
from django.utils.module_loading import import_string

from apps.campaigns.models import Campaign
from apps.contacts import recording
from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact, ContactIdentity, EndReason, Submission
from apps.contacts.services import changes, submissions
from apps.core.log_format import JsonFormatter
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
    options = dict(settings.LOGGING["formatters"]["line"])
    made: logging.Formatter = import_string(options.pop("()"))(**options)
    return made


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[..., str]]:
    """The output of every logger as the console shows it, as text and as JSON, with chained exceptions.

    The database's own logger writes statements with their values at DEBUG; no installation enables it, since Django
    also requires DEBUG = True.
    """
    quiet = logging.getLogger("django.db.backends")
    before, quiet.level = quiet.level, logging.INFO
    with caplog.at_level(logging.DEBUG):
        yield lambda *forms: "\n".join(
            form.format(record) for form in forms or (console(), JsonFormatter()) for record in caplog.records
        )
    quiet.level = before


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """Every message given to a broker, in its encoded form."""
    messages: list[str] = []

    def note(sender: str, body: Any, headers: Any, **more: Any) -> None:
        messages.append(f"{sender} {body} {headers} {more}")

    before_task_publish.connect(note)
    yield messages
    before_task_publish.disconnect(note)


def use_every_entry(alice: Employee) -> list[str]:
    """Use every way to record people, with good, bad and repeated data; returns the requested addresses and
    redirects.
    """
    client, addresses = people.sign_in(Client(raise_request_exception=False), alice), list[str]()

    def ask(method: str, address: str, *arguments: Any, **more: Any) -> Any:
        answer = getattr(client, method)(address, *arguments, **more)
        addresses.extend([address, answer.headers.get("Location", "")])
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
    return addresses


def test_no_log_message_or_address_shows_recorded_people(
    campaign: Campaign, alice: Employee, logged: Any, sent: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        addresses = use_every_entry(alice)
    for submission in Submission.objects.filter(state="received"):
        import_submission(submission.pk)
    feed = f"staff_no,name,email,recorded_at\nA001,{NAME},feed.{EMAIL},2026-11-03T00:00:00Z\nA001,{NAME},q@,x\n"
    import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True)
    tasks.sweep()
    people.mark()
    assert Contact.objects.of(alice).count() > 3, "otherwise nothing was recorded"
    assert sent, "otherwise no task was enqueued"
    assert signs_in("\n".join(addresses)) == []
    assert signs_in("\n".join(sent)) == []
    assert signs_in(logged()) == []


def test_no_progress_row_or_audit_entry_shows_recorded_people(campaign: Campaign, alice: Employee) -> None:
    use_every_entry(alice)
    people.mark()
    for model in (Job, Progress, OutboxRow, AuditEntry, RowChange):
        assert signs_in(str(list(model._default_manager.values()))) == [], model.__name__
    assert signs_in(Client().get("/health/ready").content.decode()) == []


def test_an_audit_entry_about_a_contact_holds_ids_codes_and_instants_alone(campaign: Campaign, alice: Employee) -> None:
    """An erasure leaves these entries out of its search: a name in one of them would stay for ever, unseen."""
    who: Any = {"employee": alice, "by": TESTER}
    first = people.record_one(alice, ("phone", PHONE), name=NAME).outcomes[0].contact_id
    changes.rename_contact(contact_id=first, name=f"{NAME} Jr", **who)
    new = changes.correct_contact(contact_id=first, identities=[("email", EMAIL), ("handle", HANDLE)], **who)
    changes.end_contact(contact_id=new, **who)
    changes.restore_contact(contact_id=new, **who)
    rows = f"A001,{NAME},{EMAIL},2026-11-03T00:00:00Z\n"
    feed = f"staff_no,name,email,recorded_at\n{rows}"
    import_contacts(raw=io.BytesIO(feed.encode()), by=TESTER, trust_times=True)
    entries = AuditEntry.objects.filter(subject_kind="contact")
    assert {one.action.removeprefix("contact.") for one in entries} == {
        "renamed", "corrected", "ended", "restored", "moved"
    }  # fmt: skip
    for entry in entries:
        assert (entry.subject_label, entry.subject_id.isdigit()) == ("", True)
        for name, value in entry.detail.items():
            PLAIN_DETAIL[name](value)


# What the detail of such an entry may hold; anything else raises.
PLAIN_DETAIL: dict[str, Callable[[Any], object]] = {
    "reason": EndReason, "replaced_by": int, "submission": uuid.UUID,
    "from": datetime.fromisoformat, "to": datetime.fromisoformat,
}  # fmt: skip


def test_every_call_that_audits_a_contact_is_known_to_hold_no_text() -> None:
    """A new one must be looked at: the erasure does not search it."""
    calls = []
    for path in sorted((settings.BASE_DIR / "apps").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                named = {one.arg: ast.unparse(one.value) for one in node.keywords}
                if named.get("kind") == "'contact'":
                    calls.append((ast.unparse(node.args[0]), named.get("detail", named.get("details", ""))))
                    assert "label" not in named
    assert sorted(calls) == [
        ("'contact.corrected'", "details"),
        ("'contact.corrected'", "{'replaced_by': new.pk}"),
        ("'contact.ended'", "{'reason': str(reason)}"),
        ("'contact.forwarded'", "reference"),
        ("'contact.merged'", "reference"),
        ("'contact.moved'", "times | reference"),
        ("'contact.renamed'", ""),
        ("'contact.restored'", ""),
        ("RESTORE_REFUSED", ""),
    ]


BREAKS = {
    "while it is evaluated": (recording, "evaluate"),
    "while it is stored": (recording, "insert_contacts"),
    "after it was stored": (submissions, "queue_reevaluation"),
}


@pytest.mark.parametrize("where", BREAKS)
def test_an_internal_error_logs_the_place_and_no_personal_data(
    campaign: Campaign, alice: Employee, logged: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    module, name = BREAKS[where]

    def broken(*arguments: Any, **more: Any) -> Any:
        raise RuntimeError("an internal error")

    monkeypatch.setattr(module, name, broken)
    client = people.sign_in(Client(raise_request_exception=False), alice)
    answers = [
        client.post("/contacts/add/", {"name": NAME, "reach": SPELLED, "key": str(uuid.uuid4())}),
        client.post("/api/v1/contacts/", json.dumps({"name": NAME, "email": EMAIL}), content_type="application/json"),
    ]
    assert [response.status_code for response in answers] == [500, 500]
    assert [signs_in(response.content.decode()) for response in answers] == [[], []]
    assert "an internal error" in logged(), "otherwise no error was logged"
    assert signs_in(logged()) == []


def test_a_database_refusal_is_logged_without_its_row(
    campaign: Campaign, alice: Employee, logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its DETAIL line holds the whole row, for every check or index that refuses one."""

    def broken(*arguments: Any, **more: Any) -> Any:
        ContactIdentity.objects.create(
            employee=alice, contact_id=1, kind="none", value=f"{NAME}\n\n{EMAIL}", digest=b"x"
        )

    monkeypatch.setattr(recording, "insert_contacts", broken)
    client = people.sign_in(Client(raise_request_exception=False), alice)
    answer = client.post("/contacts/add/", {"name": NAME, "reach": SPELLED, "key": str(uuid.uuid4())})
    assert (answer.status_code, signs_in(answer.content.decode())) == (500, [])
    assert "IntegrityError" in logged()
    assert signs_in(logged()) == []
    assert signs_in(logged(logging.Formatter())), "otherwise the database quoted no row"


@pytest.mark.parametrize("path", ["docs/deployment/nginx/hundred.conf", "docs/privacy.md"])
def test_the_proxy_examples_log_no_query_strings(path: str) -> None:
    """The query string holds a searched name or staff number."""
    text = (settings.BASE_DIR / path).read_text("utf-8")
    assert "query" in text
    assert "$request " not in text
    assert "http_referer" not in text
