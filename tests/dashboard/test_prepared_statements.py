"""Prepared plans of pages: one for all readers. Plans per person would displace each other all day."""

import pytest
from django.db import connection

from apps.campaigns.models import Campaign
from apps.core import prepared_statements
from tests import people
from tests.dashboard.conftest import SignIn

pytestmark = pytest.mark.django_db
TREE = [("T", ""), ("T1", "T"), ("T11", "T1"), ("T12", "T1"), ("T2", "T"), ("T21", "T2"), ("T22", "T2")]
# The readers and their addresses.
FIRST = [("T1", "/"), ("T1", "/team/T1/"), ("T", "/team/T1/"), ("T", "/team/T11/"), ("T", "/team/T/")]
NEXT = [("T2", "/"), ("T21", "/"), ("T2", "/team/T2/"), ("T", "/team/T2/"), ("T", "/team/T22/")]
CHARTS = ("histogram", "teams", "bands", "curve")


def kept() -> set[str]:
    return set(prepared_statements._prepared.get(connection.connection, {}))


def test_the_next_person_needs_no_plan_of_their_own(as_: SignIn, campaign: Campaign) -> None:
    people.company(TREE)
    people.mark()
    for looks, head in ((FIRST, "T1"), (NEXT, "T2")):
        before = kept()
        for reader, address in (*looks, *(("T", f"/charts/team/{head}/{key}.json") for key in CHARTS)):
            assert as_(people.person(reader)).get(address).status_code == 200
    assert before
    assert kept() <= before, [statement[-200:] for statement in kept() - before]


def test_further_pages_of_a_list_are_planned_each_time(as_: SignIn, campaign: Campaign) -> None:
    """Their SQL contains the row after which they begin."""
    people.company([("T", ""), *((f"P{number:02}", "T") for number in range(60))])
    people.mark()
    client = as_(people.person("T"))
    page = client.get("/team/T/")
    before = kept()
    assert page.context["page"].next
    assert client.get(page.context["page"].next.partition("#")[0]).status_code == 200
    assert kept() == before
