"""The people of every test (tests/people.py), as fixtures. A test that asks for one of them has the whole company."""

from collections.abc import Iterator

import pytest
from django.utils import translation

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.standings.effective_dates import process_effective_dates
from tests import people
from tests.fixtures import Clock
from tests.standings import brute


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A request leaves its language behind in this thread: no test speaks the one of the test before."""
    with translation.override("en"):
        yield


@pytest.fixture
def noon(clock: Clock) -> Clock:
    """The house's clock on 23 November 2026 at noon in Shanghai; a microsecond passes at every reading."""
    clock.set(people.NOON, ticks=True)
    return clock


@pytest.fixture
def company(noon: Clock) -> dict[str, Employee]:
    """Everybody of people.ROSTER by staff number, loaded by the roster import, at noon."""
    people.load(people.ROSTER)
    return {one.staff_no: one for one in Employee.objects.select_related("node")}


@pytest.fixture
def alice(company: dict[str, Employee]) -> Employee:
    """An employee in Bob's team, with an account."""
    return people.with_account(company["A001"])


@pytest.fixture
def alan(company: dict[str, Employee]) -> Employee:
    """Alice's colleague in Bob's team, with an account."""
    return people.with_account(company["A002"])


@pytest.fixture
def bob(company: dict[str, Employee]) -> Employee:
    """Alice's manager, with an account."""
    return people.with_account(company["B001"])


@pytest.fixture
def carol(company: dict[str, Employee]) -> Employee:
    """Another manager, of the stranger, with an account."""
    return people.with_account(company["C001"])


@pytest.fixture
def dana(company: dict[str, Employee]) -> Employee:
    """Above everybody, with an account and no role."""
    return people.with_account(company["D001"])


@pytest.fixture
def stranger(company: dict[str, Employee]) -> Employee:
    """An employee of another team than Alice's, with an account."""
    return people.with_account(company["S001"])


@pytest.fixture
def hr(company: dict[str, Employee]) -> Employee:
    """An employee with the role hr."""
    return people.with_account(company["H001"], "hr")


@pytest.fixture
def auditor(company: dict[str, Employee]) -> Employee:
    """An employee with the role auditor."""
    return people.with_account(company["U001"], "auditor")


@pytest.fixture
def operator(company: dict[str, Employee]) -> Employee:
    """An employee with the role operator."""
    return people.with_account(company["O001"], "operator")


@pytest.fixture
def campaign(company: dict[str, Employee]) -> Campaign:
    """November: 100 contacts from 1 to 30 November 2026 in Shanghai; everybody is marked, with nobody recorded yet."""
    opened = people.november()
    process_effective_dates()  # as beat has done every minute
    people.mark()
    return opened


@pytest.fixture(params=[1, 2, 3], ids="seed {}".format)
def random_company(request: pytest.FixtureRequest, noon: Clock) -> Campaign:
    """November of a random company of sixteen, two of whom are touched and not marked yet."""
    return brute.build(request.param)
