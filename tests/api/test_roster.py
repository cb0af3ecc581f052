"""The roster by API: a program changes what HR's page would change, once, and never more than one person may."""

import json
import re
from collections import Counter
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.api_tokens import create_token
from apps.accounts.models import ApprovalRequest, Role, Scope
from apps.accounts.services import account_for, grant_role
from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.roster import import_processing
from apps.roster.models import RosterImport
from tests import people, rosters
from tests.api.conftest import ApiClient, code_of, fields_of, with_token
from tests.roster.test_imports import NEXT

pytestmark = pytest.mark.django_db
NEW = "staff_no,name,email\nN001,Nina,nina@corp.example.com\n"


@pytest.fixture(autouse=True)
def _roster_comes_by_api(settings: Any) -> None:
    settings.ROSTER_SOURCE = "api"
    settings.ROSTER_APPROVAL_SHARE = 0.5


@pytest.fixture
def hr_program(hr: Employee) -> ApiClient:
    return with_token(hr, Scope.ROSTER)


def send(
    client: ApiClient, text: str, status: int = 202, *, query: str = "", kind: str = "text/csv", **headers: str
) -> Any:
    response = client.call("POST", f"roster/{query}", text.encode(), content_type=kind, **headers)
    assert response.status_code == status, response.content
    return response.json()


def worked(client: ApiClient, sent: dict[str, Any]) -> dict[str, Any]:
    """The load after a worker has done everything it can."""
    import_processing.process_load(RosterImport.objects.get(pk=sent["id"]).pk)
    return dict(client.read(f"roster/{sent['id']}/"))


def test_a_file_is_applied_without_another_request(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    response = hr_program.call("POST", "roster/", NEXT.encode(), content_type="text/csv")
    sent = response.json()
    assert (response.status_code, sent["state"]) == (202, "previewing")
    assert (response["Location"], response["Retry-After"]) == (f"/api/v1/roster/{sent['id']}/", "2")
    done = worked(hr_program, sent)
    assert done["state"] == "done"
    assert {name: count for name, count in done["counts"].items() if count} == {
        "read": 9, "created": 1, "updated": 2, "unchanged": 5, "rejected": 1,
    }  # fmt: skip
    assert Employee.objects.filter(staff_no="N001").exists()


def test_a_dry_run_shows_the_difference_of_the_page_and_changes_nothing(
    hr_program: ApiClient, company: dict[str, Employee]
) -> None:
    shown = worked(hr_program, send(hr_program, NEXT, query="?dry_run=true&complete=true"))
    assert shown["state"] == "previewed"
    page = RosterImport.objects.get(pk=shown["id"]).report
    assert shown["kinds"] == page["kinds"]
    listed = [row["staff_no"] for kind in ("joined", "left", "moved", "changed") for row in page["shown"][kind]]
    assert [change["staff_no"] for change in shown["changes"]] == listed
    moved = shown["changes"][2]
    assert (moved["kind"], moved["staff_no"]) == ("moved", "A001")
    assert moved["line"] == 1 + next(number for number, line in enumerate(NEXT.splitlines()) if line.startswith("A001"))
    assert moved["changes"][0] == {"field": "department", "before": "Sales", "after": "Support"}
    assert [(reject["line"], reject["column"], reject["code"]) for reject in shown["rejects"]] == [
        (8, "email", "invalid_identity")
    ]
    assert not Employee.objects.filter(staff_no="N001").exists()


def pages(client: ApiClient, address: str) -> list[dict[str, Any]]:
    """The rows of all pages."""
    rows = []
    while address:
        page = client.read(address)
        rows += page["results"]
        address = (page["next"] or "").rpartition("/api/v1/")[2]
    return rows


def test_the_whole_difference_is_read_in_pages(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    """The load lists fifty changes of a kind: a program could not check the others before it applies them."""
    text = NEXT + "".join(f'N{n:03},"Nina, ""{n}""\n=1",n{n}@corp.example.com,,,\n' for n in range(100, 160))
    shown = worked(hr_program, send(hr_program, text, query="?dry_run=true&complete=true"))
    rows = pages(hr_program, f"roster/{shown['id']}/difference/?limit=7")
    assert rows == hr_program.read(f"roster/{shown['id']}/difference/?limit=500")["results"]
    counts = Counter(row["kind"] for row in rows)
    assert {kind: counts[kind] for kind in shown["kinds"]} == shown["kinds"]
    assert counts["joined"] > len([change for change in shown["changes"] if change["kind"] == "joined"]) == 50
    by_number = {(row["kind"], row["staff_no"]): row for row in rows}
    for change in shown["changes"]:
        row, managers = by_number[change["kind"], change["staff_no"]], r".* \((.+)\)"
        for field in change["changes"]:
            if field["field"] == "manager":
                field |= {when: re.sub(managers, r"\1", field[when]) for when in ("before", "after")}
        assert {name: row[name] for name in change if name != "back"} == {
            name: value for name, value in change.items() if name != "back"
        }
    assert next(row for row in rows if row["kind"] == "rejected")["code"] == "invalid_identity"
    assert AuditEntry.objects.filter(action="roster.difference_taken").count() == 1


def test_a_page_of_an_older_difference_does_not_go_on(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    shown = worked(hr_program, send(hr_program, NEXT, query="?dry_run=true"))
    address = hr_program.read(f"roster/{shown['id']}/difference/?limit=1")["next"].rpartition("/api/v1/")[2]
    RosterImport.objects.update(digest="0" * 64)
    assert fields_of(hr_program.read(address, 400)) == {"after": "unknown_page"}


def test_a_load_without_a_difference_says_so(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    sent = send(hr_program, NEXT)
    assert code_of(hr_program.read(f"roster/{sent['id']}/difference/", 404)) == "no_difference"


def test_exactly_the_difference_of_the_dry_run_is_applied(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    shown = worked(hr_program, send(hr_program, NEXT, query="?dry_run=true"))
    address = f"roster/{shown['id']}/apply/"
    assert code_of(hr_program.send(address, {"digest": "0" * 64}, 409)) == "stale"
    assert hr_program.send(address, {"digest": shown["digest"]}, 202)["state"] == "confirmed"
    done = worked(hr_program, shown)
    assert (done["state"], done["kinds"]) == ("done", shown["kinds"])
    assert hr_program.send(address, {"digest": shown["digest"]}, 202)["state"] == "done"
    assert AuditEntry.objects.filter(action="roster.loaded", subject_id=shown["id"]).count() == 1


def test_a_roster_that_changed_since_the_dry_run_is_shown_again(
    hr_program: ApiClient, company: dict[str, Employee]
) -> None:
    shown = worked(hr_program, send(hr_program, NEXT, query="?dry_run=true"))
    people.load(NEW.replace("N001", "N002").replace("nina", "nora"))
    address = f"roster/{shown['id']}/apply/"
    assert code_of(hr_program.send(address, {"digest": shown["digest"]}, 409)) == "stale"
    again = worked(hr_program, shown)
    assert again["state"] == "previewed"
    hr_program.send(address, {"digest": again["digest"]}, 202)
    assert worked(hr_program, shown)["state"] == "done"


def test_json_lines_are_loaded_like_a_csv(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    lines = [
        {"staff_no": "N001", "name": "Nina", "email": "nina@corp.example.com", "manager_staff_no": "B001", "grade": 7},
        {"staff_no": "A001", "name": "Alice 艾", "email": "alice@corp.example.com", "department": "Support"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = worked(hr_program, send(hr_program, text, kind="application/x-ndjson"))
    assert (done["state"], done["counts"]["created"], done["counts"]["updated"]) == ("done", 1, 1)
    assert done["ignored_columns"] == ["grade"]
    assert people.person("N001").name == "Nina"


def test_a_broken_line_refuses_the_file_and_is_named(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    good = json.dumps({"staff_no": "N001", "name": "Nina", "email": "nina@corp.example.com"})
    shown = worked(hr_program, send(hr_program, f"{good}\n{{oops\n", kind="application/x-ndjson"))
    assert (shown["problem"]["code"], shown["problem"]["lines"]) == ("unreadable", [2])
    problem = hr_program.send(f"roster/{shown['id']}/apply/", {"digest": "0" * 64}, 422)
    assert (code_of(problem), fields_of(problem)) == ("unreadable", {"line 2": "unreadable"})
    assert not Employee.objects.filter(staff_no="N001").exists()


def test_rows_that_contradict_each_other_refuse_the_file(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    shown = worked(hr_program, send(hr_program, NEW + "N001,Nora,nina@corp.example.com\n"))
    assert (shown["state"], shown["problem"]["code"], shown["problem"]["lines"]) == ("previewed", "disagree", [2, 3])
    assert shown["problem"]["detail"] == "Lines 2, 3 contradict each other about Nina (N001)."


def test_a_load_of_large_effect_waits_and_names_the_request(
    hr_program: ApiClient, company: dict[str, Employee], hr: Employee, settings: Any
) -> None:
    settings.ROSTER_APPROVAL_SHARE = 0.05
    text = NEXT.replace("A002,Alan,alan@corp.example.com,,Sales,B001\n", "")
    waits = worked(hr_program, send(hr_program, text, query="?complete=true"))
    assert waits["state"] == "requested"
    [approval] = waits["approvals"]
    request = ApprovalRequest.objects.get(pk=approval["id"])
    assert approval == {
        "id": str(request.pk), "kind": "roster_load", "decision": None,
        "url": f"{settings.BASE_URL}/company/approvals/{request.pk}/",
    }  # fmt: skip
    assert not Employee.objects.filter(staff_no="N001").exists()
    with pytest.raises(Refused):
        people.approve(request, account_for(hr).actor)
    people.approve(request)
    assert worked(hr_program, waits)["state"] == "done"


def test_a_repeated_key_loads_once(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    headers = {"idempotency-key": "night of 23 November"}
    first = send(hr_program, NEW, **headers)
    worked(hr_program, first)
    again = send(hr_program, NEW, **headers)
    assert (again["id"], again["state"]) == (first["id"], "done")
    assert RosterImport.objects.filter(source="api").count() == 1


@pytest.mark.parametrize(("text", "query"), [(NEW + "\n", ""), (NEW, "?complete=true"), (NEW, "?dry_run=true")])
def test_a_key_with_another_file_or_other_options_is_refused(
    hr_program: ApiClient, company: dict[str, Employee], text: str, query: str
) -> None:
    headers = {"idempotency-key": "one"}
    send(hr_program, NEW, **headers)
    assert code_of(send(hr_program, text, 422, query=query, **headers)) == "idempotency_key_reused"
    assert RosterImport.objects.filter(source="api").count() == 1


def test_an_invalid_key_is_refused(hr_program: ApiClient) -> None:
    assert fields_of(send(hr_program, NEW, 400, **{"idempotency-key": "x" * 256})) == {"Idempotency-Key": "invalid_key"}


def test_only_those_who_may_load_a_roster_on_the_page_have_such_a_token(alice: Employee, operator: Employee) -> None:
    for person in (alice, operator):
        with pytest.raises(Refused, match="Only HR users"):
            create_token(account=account_for(person), name="roster", scopes=[Scope.ROSTER], by=people.TESTER)


def test_a_token_of_a_former_hr_user_loads_nothing(hr_program: ApiClient, hr: Employee) -> None:
    grant_role(employee=hr, role=Role.Kind.HR, by=people.TESTER, revoke=True)
    assert code_of(send(hr_program, NEW, 401)) == "invalid_token"


def test_a_token_that_was_made_without_the_second_factor_loads_nothing(hr_program: ApiClient, settings: Any) -> None:
    settings.SECOND_FACTOR_ROLES = ["hr"]
    assert code_of(send(hr_program, NEW, 404)) == "not_found"


@pytest.mark.parametrize("source", ["file", "scim"])
def test_it_is_refused_where_another_source_maintains_the_roster(
    hr_program: ApiClient, settings: Any, source: str
) -> None:
    settings.ROSTER_SOURCE = source
    problem = send(hr_program, NEW, 409)
    assert code_of(problem) == "roster_source"
    assert f"(ROSTER_SOURCE={source})" in problem["detail"]
    assert not RosterImport.objects.filter(source="api").exists()


def test_a_body_above_the_limit_is_refused_unread(hr_program: ApiClient) -> None:
    with override_settings(MOST_UPLOAD_BYTES=50):
        assert code_of(send(hr_program, NEW + " " * 50, 413)) == "too_large"
    assert not RosterImport.objects.filter(source="api").exists()


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.ms-excel", "multipart/form-data; boundary=x"])
def test_another_type_of_body_is_refused(hr_program: ApiClient, kind: str) -> None:
    assert code_of(send(hr_program, NEW, 415, kind=kind)) == "unsupported_media_type"


def test_a_misspelt_option_is_refused(hr_program: ApiClient) -> None:
    assert fields_of(send(hr_program, NEW, 400, query="?dryrun=true")) == {"dryrun": "unknown_field"}


def test_an_empty_body_is_a_file_that_cannot_be_read(hr_program: ApiClient) -> None:
    assert worked(hr_program, send(hr_program, ""))["problem"]["code"] in ("unreadable", "column_missing")


def test_a_load_of_the_page_is_not_shown_to_programs(
    hr_program: ApiClient, company: dict[str, Employee], settings: Any
) -> None:
    settings.ROSTER_SOURCE = "file"
    load = rosters.looked(NEXT)
    assert code_of(hr_program.read(f"roster/{load.pk}/", 404)) == "not_found"


def test_a_person_who_reads_it_another_way_confirms_it(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    sent = worked(hr_program, send(hr_program, NEW + "N001,Nora,nina@corp.example.com\n"))
    load = RosterImport.objects.get(pk=sent["id"])
    rosters.imports.refresh_preview(load, complete=False)
    RosterImport.objects.filter(pk=load.pk).update(layout=load.layout)
    assert not RosterImport.objects.get(pk=load.pk).apply_at_once


def test_too_many_files_at_once_are_refused(hr_program: ApiClient, company: dict[str, Employee]) -> None:
    for number in range(5):
        send(hr_program, NEW.replace("N001", f"N00{number}"))
    assert code_of(send(hr_program, NEW.replace("N001", "N009"), 409)) == "busy"


def test_the_audit_trail_names_the_person_behind_the_program(
    hr_program: ApiClient, company: dict[str, Employee], hr: Employee,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:  # fmt: skip
    sent = send(hr_program, NEW)
    worked(hr_program, sent)
    entry = AuditEntry.objects.get(action="roster.loaded", subject_id=sent["id"])
    assert entry.actor_id == account_for(hr).pk
