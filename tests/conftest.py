"""The people of every test (tests/people.py), as fixtures. A test that uses one of them has the whole company."""

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
    """A request leaves its language in this thread: each test starts with English."""
    with translation.override("en"):
        yield


@pytest.fixture
def noon(clock: Clock) -> Clock:
    """The clock on 23 November 2026 at noon in Shanghai; each reading advances it by a microsecond."""
    clock.set(people.NOON, ticks=True)
    return clock


@pytest.fixture
def company(noon: Clock) -> dict[str, Employee]:
    """All employees of people.ROSTER by staff number, loaded by the roster import, at noon."""
    people.load(people.ROSTER)
    return {employee.staff_no: employee for employee in Employee.objects.select_related("node")}


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
    """Above all other employees, with an account and no role."""
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
    """November: 100 contacts from 1 to 30 November 2026 in Shanghai; all employees are evaluated, without contacts."""
    opened = people.november()
    process_effective_dates()  # as beat has done every minute
    people.mark()
    return opened


@pytest.fixture(params=[1, 2, 3], ids="seed {}".format)
def random_company(request: pytest.FixtureRequest, noon: Clock) -> Campaign:
    """November of a random company of sixteen, two of whom are queued and not evaluated yet."""
    return brute.build(request.param)
