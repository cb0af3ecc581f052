"""Every day field of a form refuses the first and last days of the calendar in words, or takes them."""

import uuid
from datetime import date
from typing import Any

import pytest
from django import forms
from django.test import Client
from django.urls import resolve

from apps.campaigns.models import Campaign
from apps.dashboard.forms.base import RefusableForm
from apps.employees.models import Employee
from tests import people

pytestmark = pytest.mark.django_db

TERMS: dict[str, Any] = {"name": "Next", "target": "9", "time_zone": "UTC", "company_domains": ""}
TERMS |= {"opens_on": "2027-01-01", "deadline": "2027-01-31"}
ADJUSTMENT = {"person": "A001", "kind": "leave", "what": "exempt", "reason": "leave"}
# The address of each form with its day fields, and its other fields.
FORMS: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    ("/exports/new/days/", ("day",), {"form": "csv", "sort": "staff_no"}),
    ("/exports/new/standings/", ("compare", "day"), {"form": "csv", "sort": "staff_no"}),
    ("/exports/new/standings/", ("until",), {"form": "csv", "sort": "staff_no", "repeat": "daily", "hour": "8"}),
    ("/exports/new/roster_changes/", ("since", "day"), {"form": "csv"}),
    ("/company/open-campaign/", ("opens_on", "deadline"), TERMS),
    ("/company/open-campaign/confirm/", ("opens_on", "deadline"), TERMS),
    ("/company/campaigns/november/change/confirm/", ("opens_on", "deadline"), TERMS | {"reason": "later"}),
    ("/company/adjustments/ask/", ("starts_on", "ends_on"), ADJUSTMENT),
    ("/company/adjustments/by-rule/", ("joined_after",), ADJUSTMENT),
    ("/company/deputies/", ("starts_on", "until"), {"manager": "B001", "deputy": "C001", "until": "2026-12-01"}),
]
POSTS = [(address, field, fields) for address, names, fields in FORMS for field in names]


def forms_below(form: type[forms.Form]) -> set[type[forms.Form]]:
    return {form}.union(*(forms_below(below) for below in form.__subclasses__()))


def test_every_day_field_is_posted_here() -> None:
    resolve("/")  # loads the views and so all forms
    days = {
        name
        for form in forms_below(RefusableForm)
        for name, field in form.base_fields.items()
        if isinstance(field, forms.DateField)
    }
    assert days == {field for _address, field, _fields in POSTS}


@pytest.mark.parametrize("day", [date.min, date.max], ids=str)
@pytest.mark.parametrize(("address", "field", "fields"), POSTS)
def test_a_day_at_an_end_of_the_calendar_is_no_error(
    client: Client, campaign: Campaign, hr: Employee, address: str, field: str, fields: dict[str, Any], day: date
) -> None:
    sent = fields | {"key": str(uuid.uuid4()), field: day.isoformat()}
    assert people.sign_in(client, hr).post(address, sent).status_code in (200, 302, 422)


@pytest.mark.parametrize("since", ["0001-01-01", "1000-05-05", "9999-12-31"])
def test_changes_since_before_any_campaign_are_refused(
    client: Client, campaign: Campaign, hr: Employee, since: str
) -> None:
    sent = {"key": str(uuid.uuid4()), "form": "csv", "since": since}
    answer: Any = people.sign_in(client, hr).post("/exports/new/roster_changes/", sent)
    assert answer.status_code == 422
    assert "since" in answer.context["form"].errors
