"""`/exports/`: requesting, following and downloading a file, and who may."""

import json
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.campaigns.selectors import restore_while_open
from apps.contacts.services.changes import end_contact
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.exports import build_export, export_requests
from apps.exports.csv_columns import Table
from apps.exports.models import Export
from apps.operations import tasks
from tests import files, people
from tests.fixtures import Clock
from tests.people import TESTER

NEW = "/exports/new/standings/"
KEY = "8d4f0f62-6a1f-4a5e-9a55-0d35a8c8f001"


def ask(client: Client, address: str = NEW, **fields: Any) -> Any:
    return client.post(address, {"key": KEY, "form": "csv", "sort": "staff_no", **fields})


def body(response: Any) -> str:
    return b"".join(response.streaming_content).decode("utf-8-sig")


def test_hr_asks_for_a_file_and_takes_it_away_with_its_manifest(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee
) -> None:
    people.record(alice, 3)
    people.mark()
    people.sign_in(client, hr)
    asked = ask(client, status="red", columns=["staff_no", "counted"])
    made = Export.objects.get()
    assert (asked.status_code, asked.url) == (302, f"/exports/{made.pk}/")
    page = client.get(asked.url).content.decode()
    assert "The file has 9 lines" in page
    lines = body(client.get(f"/exports/{made.pk}/file/")).split()
    assert lines[:2] == ["staff_no,counted", "A001,3"]
    told = json.loads(client.get(f"/exports/{made.pk}/manifest.json").content)
    assert (told["rows"], told["filters"]["status"], told["sha256"]) == (9, "red", bytes(made.sha256 or b"").hex())
    assert made.name in client.get("/exports/").content.decode() or f"/exports/{made.pk}/" in page
    actions = AuditEntry.objects.filter(subject_id=str(made.pk)).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["export.asked", "export.made", "export.downloaded"]


def test_a_double_click_requests_one_file(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    assert ask(client).url == ask(client).url
    assert Export.objects.count() == 1


def test_the_form_is_filled_in_as_the_list_was_filtered(client: Client, campaign: Campaign, bob: Employee) -> None:
    people.sign_in(client, bob)
    page = client.get("/team/B001/?status=red&q=ali&sort=name").content.decode()
    [address] = re.findall(r'href="(/exports/new/standings/[^"]*)"', page)
    form = client.get(address.replace("&amp;", "&")).context["form"]
    assert {name: form[name].value() for name in ("team", "status", "q", "sort")} == {
        "team": "B001", "status": "red", "q": "ali", "sort": "name",
    }  # fmt: skip


@pytest.mark.parametrize("team", ["", "C001", "D001", "A001", "nobody", "\0"])
def test_a_manager_gets_no_team_but_the_own(client: Client, campaign: Campaign, bob: Employee, team: str) -> None:
    people.sign_in(client, bob)
    assert ask(client, team=team).status_code == 422
    assert not Export.objects.exists()


def test_who_no_longer_leads_a_team_cannot_fetch_its_file_any_more(
    client: Client, campaign: Campaign, bob: Employee, carol: Employee
) -> None:
    made = files.export(campaign, carol, root=people.person("C001"))
    people.sign_in(client, bob)
    for part in ("", "file/", "manifest.json"):
        assert client.get(f"/exports/{made.pk}/{part}").status_code == 404
    other = files.export(campaign, bob, root=carol)
    assert client.get(f"/exports/{other.pk}/file/").status_code == 404, "a team that is not Bob's any more"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"day": "2027-01-01"}, "day"), ({"day": "yesterday"}, "day"), ({"time": "12:00"}, "day"),
        ({"time": "25:99", "day": "2026-11-20"}, "time"), ({"columns": ["name", "phone"]}, "columns"),
        ({"form": "pdf"}, "form"), ({"status": "angry"}, "status"), ({"day": "9999-12-31"}, "day"),
    ],
)  # fmt: skip
def test_a_form_that_fails_says_at_which_field(
    client: Client, campaign: Campaign, hr: Employee, fields: dict[str, Any], field: str
) -> None:
    people.sign_in(client, hr)
    answer = ask(client, **fields)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Export.objects.exists()


def test_a_file_without_a_line_is_made_only_after_a_warning(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    for address, fields in ((NEW, {"q": "no such name"}), ("/exports/new/adjustments/", {})):
        answer = ask(client, address, **fields)
        assert answer.status_code == 422
        assert "No line matches" in answer.content.decode()
        assert answer.context["form"]["q" if fields else "form"].value() == fields.get("q", "csv"), "nothing is lost"
    assert not Export.objects.exists()
    assert ask(client, q="no such name", although_empty="on").status_code == 302
    assert Export.objects.get().rows == 0


def test_whether_a_file_would_be_empty_is_not_waited_for(
    client: Client, campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Table({}, "FROM generate_series(1, 100000000) n WHERE n < 0", "UTC")
    monkeypatch.setattr(export_requests, "table_of", lambda export: slow)
    monkeypatch.setattr(export_requests, "CHECK_MILLISECONDS", 50)
    people.sign_in(client, hr)
    assert ask(client).status_code == 302


def test_a_department_is_chosen_from_those_that_the_reader_sees(
    client: Client, campaign: Campaign, bob: Employee, hr: Employee, clock: Clock
) -> None:
    def offered(reader: Employee, query: str = "") -> list[str]:
        people.sign_in(client, reader)
        return [name for name, _label in client.get(f"{NEW}{query}").context["form"].fields["department"].choices]

    assert offered(bob) == ["", "Sales", " "], "a manager learns of no other department"
    assert {"Board", "People", "Support"} <= set(offered(hr))
    assert ask(client, department="Nowhere").status_code == 422
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    people.load(
        "staff_no,name,email,department\nS001,Sam,sam@corp.example.com,Care\nC001,Carol,carol@corp.example.com,Care\n"
    )
    assert "Support" not in offered(hr)
    assert "Support" in offered(hr, "?department=Support"), "it existed on the day of the file"
    assert ask(client, department="Support", day="2026-11-24").status_code == 302


def test_as_of_a_day_is_its_end_in_the_campaigns_zone(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    ask(client, day="2026-11-20")
    assert Export.objects.get().as_of.isoformat() == "2026-11-20T16:00:00+00:00"


def test_large_work_is_followed_on_its_page(
    client: Client, campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.exports.build_export.fits_in_request", lambda export: False)
    people.sign_in(client, hr)
    asked = ask(client)
    page = client.get(asked.url).content.decode()
    assert "The file is being created" in page
    assert 'data-hx-trigger="every 1s"' in page
    assert client.get(f"{asked.url}file/").status_code == 404, "half a file is no file"
    assert "being created" in client.get("/exports/").content.decode()


def test_again_says_that_the_bytes_are_the_same(client: Client, campaign: Campaign, hr: Employee, clock: Clock) -> None:
    made = files.export(campaign, hr)
    people.sign_in(client, hr)
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    answer = client.post(f"/exports/{made.pk}/again/", {"key": KEY}, follow=True)
    assert "Identical to the previous file" in answer.content.decode()


def test_a_manager_does_not_read_from_a_file_made_again_what_other_employees_corrected(
    client: Client, campaign: Campaign, alice: Employee, bob: Employee, carol: Employee, hr: Employee, clock: Clock
) -> None:
    """Else each manager reads the audit trail of the whole company there."""
    contacts = [people.record_one(one, ("handle", f"h{one.staff_no}")).outcomes[0].contact_id for one in (alice, carol)]
    for contact, one in zip(contacts, (alice, carol), strict=True):
        end_contact(contact_id=contact, employee=one, by=TESTER)
    people.mark()
    made = files.export(campaign, bob, root=bob)
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    for contact, one in zip(contacts, (alice, carol), strict=True):
        restore_while_open(contact_id=contact, employee=one, by=account_for(one).actor)
    pages = {}
    for reader in (bob, hr):
        people.sign_in(client, reader)
        asked = client.post(f"/exports/{made.pk}/again/", {"key": uuid.uuid4()})
        tasks.make_export(str(Export.objects.latest("asked_at").pk))
        pages[reader.staff_no] = client.get(asked.url).content.decode()
    assert "because the past has been corrected since" in pages["B001"]
    assert "Carol" not in pages["B001"]
    assert "HR and auditors can see what was corrected." in pages["B001"]
    assert "Carol" in pages["H001"]


def test_a_csv_that_is_sent_at_once_has_its_manifest_too(client: Client, campaign: Campaign, bob: Employee) -> None:
    people.sign_in(client, bob)
    sent = client.get("/team/B001/standings.csv?status=red")
    content = b"".join(sent.streaming_content)
    made = Export.objects.get()
    assert (made.rows, made.size, made.direct_download, made.root) == (2, len(content), True, bob)
    assert sent["Link"] == f'</exports/{made.pk}/manifest.json>; rel="describedby"'
    looked: Any = client.head("/team/B001/standings.csv")
    for close in looked._resource_closers:
        close()
    assert Export.objects.count() == 1, "a look at the head takes nothing away"


def test_past_files_are_listed_page_by_page(
    client: Client, campaign: Campaign, hr: Employee, bob: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.dashboard.views.exports.downloads.PAGE", 2)
    mine = [files.export(campaign, hr) for _number in range(3)]
    files.export(campaign, bob, root=bob)
    people.sign_in(client, hr)
    first = client.get("/exports/")
    assert first.context["page"].rows == mine[:0:-1]
    assert client.get(first.context["page"].next).context["page"].rows == mine[:1]
    assert {one.root for one in client.get("/exports/?whose=all").context["page"].rows} == {None, bob}
    people.sign_in(client, bob)
    assert [one.root for one in client.get("/exports/?whose=all").context["page"].rows] == [bob]


@pytest.mark.parametrize(
    ("kind", "form"), [("standings", "xlsx"), ("standings", "csv.gz"), ("days", "csv"), ("flips", "csv")]
)
def test_a_workbook_or_a_file_of_many_lines_waits_for_a_worker(
    client: Client, campaign: Campaign, hr: Employee, kind: str, form: str
) -> None:
    people.sign_in(client, hr)
    assert ask(client, f"/exports/new/{kind}/", form=form, although_empty="on").status_code == 302
    asked = Export.objects.get()
    assert asked.state == Export.State.WAITING
    tasks.make_export(str(asked.pk))
    asked.refresh_from_db()
    assert asked.state == Export.State.DONE
    client.post(f"/exports/{asked.pk}/again/", {"key": KEY.replace("8d", "9e")})
    assert Export.objects.get(rerun_of=asked).state == Export.State.WAITING


@pytest.mark.django_db(transaction=True)
def test_of_sixteen_exports_of_a_person_one_is_made_at_a_time_and_none_is_lost(
    campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise one person keeps every web thread and every worker busy, and all others wait."""
    running, most, guard, enqueued, make = 0, 0, threading.Lock(), list[uuid.UUID](), build_export._make

    def slow(*args: Any) -> Export:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        try:
            time.sleep(0.1)
            return make(*args)
        finally:
            with guard:
                running -= 1

    monkeypatch.setattr(build_export, "_make", slow)
    monkeypatch.setattr(build_export, "enqueue_export", enqueued.append)
    session = people.sign_in(Client(), hr).cookies

    def post(_number: int) -> int:
        client = Client()
        client.cookies = session
        try:
            status: int = ask(client, key=uuid.uuid4()).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(post, range(16))) == {302}
        assert Export.objects.count() == 16
        # Both workers take a message of each file; those that find the other at work leave the file waiting.
        enqueued.clear()
        list(pool.map(worker, Export.objects.waiting().values_list("pk", flat=True)))
        while enqueued:
            worker(enqueued.pop())
    assert not Export.objects.exclude(state=Export.State.DONE).exists()
    assert most == 1


def worker(export_id: uuid.UUID) -> None:
    try:
        tasks.make_export(str(export_id))
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("bound", "says"), [("MAX_WAITING_FILES", "still being created"), ("MAX_STORED_BYTES", "the limit for one person")]
)
def test_the_files_of_a_person_are_bounded_and_the_page_says_why(
    client: Client,
    campaign: Campaign,
    hr: Employee,
    bob: Employee,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
    says: str,
) -> None:
    made = files.export(campaign, hr)
    people.sign_in(client, hr)
    ask(client, form="xlsx")
    monkeypatch.setattr(export_requests, bound, 1)
    refused = ask(client, form="xlsx", key=uuid.uuid4())
    assert (refused.status_code, says in refused.content.decode()) == (422, True)
    assert ask(client, form="xlsx").status_code == 302, "the same form again asks for nothing new"
    again = client.post(f"/exports/{made.pk}/again/", {"key": uuid.uuid4()}, follow=True)
    assert says in again.content.decode()
    assert Export.objects.filter(asked_by_id=made.asked_by_id).count() == 2
    people.sign_in(client, bob)
    assert ask(client, team="B001", key=uuid.uuid4()).status_code == 302, "another person's files are not counted"


def test_a_file_compares_with_the_end_of_an_earlier_day(
    client: Client, campaign: Campaign, alice: Employee, hr: Employee, clock: Clock
) -> None:
    people.record(alice, 90)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    people.record(alice, 10)
    people.mark()
    people.sign_in(client, hr)
    form = client.get(f"{NEW}?since=2026-11-23&change=reached").context["form"]
    assert (str(form["compare"].value()), form["change"].value()) == ("2026-11-23", "reached")
    asked = ask(client, compare="2026-11-23", change="reached", columns=["staff_no", "change", "compared_with"])
    made = Export.objects.get()
    lines = body(client.get(f"/exports/{made.pk}/file/")).split()
    assert lines == ["staff_no,change,compared_with", "A001,10,2026-11-24T00:00:00.000000+08:00"]
    page = client.get(asked.url).content.decode()
    assert "Reached the target" in page
    assert "the end of Mon 23 Nov" in page
    without = ask(client, change="reached", key=str(uuid.uuid4()))
    assert without.context["form"].errors.keys() == {"compare"}
    late = ask(client, compare="2026-11-25", key=str(uuid.uuid4()))
    assert late.context["form"].errors.keys() == {"compare"}
