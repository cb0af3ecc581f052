"""515 strings that have broken programs, and the small files that have broken readers of CSV."""

import csv
import io
import json

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.drafts import Draft
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact
from apps.contacts.services.submissions import submit
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import WholeCompany
from tests import plugin
from tests.people import TESTER, load

pytestmark = pytest.mark.shared
DATA = plugin.SHARED / "data"


def strings() -> list[str]:
    found: list[str] = json.loads((DATA / "text" / "naughty-strings.json").read_text(encoding="utf-8"))
    assert len(found) > 500
    return found


@pytest.mark.parametrize("field", ["name", "phone", "email", "handle"])
def test_no_string_breaks_recording_and_every_name_is_kept_as_cleaned(alice: Employee, field: str) -> None:
    texts = strings()
    drafts = [
        Draft(text if field == "name" else "W", ((field, text) if field != "name" else ("handle", f"w{n}"),))
        for n, text in enumerate(texts)
    ]
    report = submit(employee=alice, drafts=drafts, source="page", by=TESTER)
    assert len(report.outcomes) == len(texts)
    assert report.created + report.duplicate + report.rejected == len(texts)
    if field == "name":
        kept = Contact.objects.order_by("id").values_list("name", flat=True)
        assert list(kept) == [clean_text(text) for text in texts]


def test_no_string_breaks_a_file_or_takes_its_neighbours_along(alice: Employee) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["name", "phone", "handle"])
    for n, text in enumerate(strings()):
        writer.writerows([[text, "", f"a{n}"], ["V", text, ""]])
    raw = io.BytesIO(file.getvalue().encode("utf-8", "surrogatepass"))
    told = import_contacts(raw=raw, by=TESTER, employee=alice).as_json()
    assert told["read"] == 2 * len(strings())
    assert Contact.objects.filter(identities__kind="handle").count() == len(strings())


def test_no_string_breaks_a_roster_or_a_search(campaign: Campaign) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["staff_no", "name", "email", "department"])
    writer.writerows([f"X{n}", text, f"x{n}@corp.example.com", text] for n, text in enumerate(strings()))
    result = load(file.getvalue())
    assert result.created + result.rejected == len(strings())
    assert {reject.column for reject in result.rejects} <= {"name"}
    for text in strings()[::10]:
        Standings(campaign, WholeCompany(), filters=Filters(status=text, q=text, department=text)).totals()
