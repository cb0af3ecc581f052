"""`/exports/`: requesting, following and downloading a file, and who may."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.exports.models import Export
from apps.standings.population import Team
from tests import files, people
from tests.fixtures import Clock

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


def test_as_of_a_day_is_its_end_in_the_campaigns_zone(client: Client, campaign: Campaign, hr: Employee) -> None:
    people.sign_in(client, hr)
    ask(client, day="2026-11-20")
    assert Export.objects.get().as_of.isoformat() == "2026-11-20T16:00:00+00:00"


def test_large_work_is_followed_on_its_page(
    client: Client, campaign: Campaign, hr: Employee, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.exports.build_export.fits_in_request", lambda: False)
    people.sign_in(client, hr)
    asked = ask(client)
    page = client.get(asked.url).content.decode()
    assert "The file is being made" in page
    assert 'data-hx-trigger="every 1s"' in page
    assert client.get(f"{asked.url}file/").status_code == 404, "half a file is no file"
    assert "being made" in client.get("/exports/").content.decode()


def test_again_says_that_the_bytes_are_the_same(client: Client, campaign: Campaign, hr: Employee, clock: Clock) -> None:
    made = files.export(campaign, hr)
    people.sign_in(client, hr)
    clock.set("2026-11-24T12:00:00+08:00", ticks=True)
    answer = client.post(f"/exports/{made.pk}/again/", {"key": KEY}, follow=True)
    assert "Byte for byte the same" in answer.content.decode()


def test_a_csv_that_is_sent_at_once_has_its_manifest_too(client: Client, campaign: Campaign, bob: Employee) -> None:
    people.sign_in(client, bob)
    sent = client.get("/team/B001/standings.csv?status=red")
    content = b"".join(sent.streaming_content)
    made = Export.objects.get()
    assert (made.rows, made.size, made.live, made.root) == (2, len(content), True, bob)
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
    assert first.context["past"] == mine[:0:-1]
    assert client.get(first.context["next"]).context["past"] == mine[:1]
    assert {one.root for one in client.get("/exports/?whose=all").context["past"]} == {None, bob}
    people.sign_in(client, bob)
    assert [one.root for one in client.get("/exports/?whose=all").context["past"]] == [bob], Team(bob)
