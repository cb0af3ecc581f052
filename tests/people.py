"""The same few people in every test, loaded as HR loads them, and their most frequent actions: record, mark, sign
in.
"""

import io
from collections.abc import Iterable
from datetime import date
from itertools import count
from typing import Any

from django.test import Client

from apps.accounts.deputies import name_deputy
from apps.accounts.enrolment import create_enrolment_code
from apps.accounts.models import Account, ApprovalRequest, Deputyship, Role
from apps.accounts.second_factors import add_app
from apps.accounts.services import account_for, grant_role
from apps.campaigns.adjustments import approve as adjustments_approve
from apps.campaigns.adjustments import late_joiners, requests
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.contacts.drafts import Draft
from apps.contacts.models import Source
from apps.contacts.services.submissions import Report, submit
from apps.core import clock
from apps.core.audit import Actor
from apps.employees.models import Employee
from apps.fileio.csv_reader import Table
from apps.roster.loading import RosterResult, load_roster
from apps.roster.parser import read_roster
from apps.standings import campaign_lifecycle, process_runs
from apps.standings.approvable_changes import approve_request, effect_digest, effect_of_request
from apps.standings.models import Standing

# Monday, 23 November 2026, noon in Shanghai: a week and a day before the deadline, plus a microsecond per reading.
NOON = "2026-11-23T12:00:00+08:00"
TESTER = Actor(None, "test")
PASSWORD = "correct horse battery staple"

# dana is above all others; bob's team is alice and alan; the stranger, named Sam, is in carol's.
ROSTER = """staff_no,name,email,phone,department,manager_staff_no
D001,Dana 董,dana@corp.example.com,,Board,
B001,Bob 白,bob@corp.example.com,,Sales,D001
A001,Alice 艾,alice@corp.example.com,,Sales,B001
A002,Alan,alan@corp.example.com,,Sales,B001
C001,Carol,carol@corp.example.com,,Support,D001
S001,Sam,sam@corp.example.com,,Support,C001
H001,Hedda,hedda@corp.example.com,,People,D001
U001,Uwe,uwe@corp.example.com,,Audit,D001
O001,Olga,olga@corp.example.com,,IT,D001
"""

_numbers = count(1)


def load(text: str, **options: Any) -> RosterResult:
    """Load a roster's CSV text as `import_roster` does."""
    return load_roster(roster=read_roster(Table(io.StringIO(text))), **{"by": TESTER, **options})


def company(rows: Iterable[tuple[str, str]]) -> dict[str, Employee]:
    """Load (staff_no, manager's staff_no or '') and return the employees by number."""
    lines = [f"{no},Name {no},{no.lower()}@corp.example.com,{manager}" for no, manager in rows]
    load("staff_no,name,email,manager_staff_no\n" + "\n".join(lines))
    return {person.staff_no: person for person in Employee.objects.select_related("node")}


def person(staff_no: str) -> Employee:
    """The employee with this number, fresh from the database, with today's position in the tree."""
    return Employee.objects.select_related("node").get(staff_no=staff_no)


def with_account(employee: Employee, *roles: str) -> Employee:
    """Give an employee an account with PASSWORD, and roles."""
    account = account_for(employee)
    account.set_password(PASSWORD)
    account.save(update_fields=["password"])
    for role in roles:
        grant_role(employee=employee, role=role, by=TESTER)
    return employee


def enrolment_code(employee: Employee) -> str:
    """The operator's code for the first second factor; empty where none is needed."""
    return create_enrolment_code(account=account_for(employee), by=TESTER) or ""


def enrol(employee: Employee, secret: str) -> bool:
    """Give an employee an authenticator app with this secret as a second factor."""
    return add_app(account=account_for(employee), secret=secret, enrolment_code=enrolment_code(employee))


def officer(login: str) -> Actor:
    """An HR account that belongs to no employee."""
    account, _made = Account.objects.get_or_create(login=login, defaults={"display_name": login, "password": "!"})
    Role.objects.get_or_create(account=account, role=Role.Kind.HR, defaults={"granted_by_label": "test"})
    return account.actor


def approve(request: ApprovalRequest | None = None, by: Actor | None = None) -> ApprovalRequest:
    """The given or the only pending request, approved by another HR user who has seen its effect."""
    request = request or ApprovalRequest.objects.get(decision=None)
    digest = effect_digest(effect_of_request(request, clock.db_now()))
    return approve_request(request_id=request.pk, expected_digest=digest, by=by or officer("approves"))


def ask(
    *, campaign: Campaign, employee: Employee, reason: str = "x", kind: str = "leave", **terms: Any
) -> AdjustmentRequest:
    """A request for another target or an exemption by one HR user, still pending."""
    return requests.request_adjustment(
        campaign=campaign, employee=employee, kind=kind, reason=reason, by=officer("asks"), **terms
    )


def adjust(**asked_for: Any) -> Adjustment:
    """The same, approved by another HR user."""
    request = ask(**asked_for)
    adjustments_approve.grant_adjustment(request_id=request.pk, by=officer("grants"))
    return Adjustment.objects.get(request=request)


def ask_for_late_joiners(campaign: Campaign) -> AdjustmentRequest:
    """The pro-rata targets of all who joined after the opening, requested by one HR user and still pending."""
    rule, asks = campaign.rule, officer("asks")
    preview = late_joiners.preview_rule(
        rule, clock.db_now(), joined_after=rule.opens_on, department="", acting_employee_id=None
    )
    return late_joiners.request_prorated_targets(
        campaign=campaign, joined_after=rule.opens_on, reason="joined later", expected_digest=preview.digest, by=asks
    )


def stands_in(manager: Employee, deputy: Employee, **days: Any) -> Deputyship:
    """The manager names `deputy` until the end of Friday, 27 November 2026, or of `until`."""
    usual = {"until": date(2026, 11, 27), "by": account_for(manager)}
    return name_deputy(manager=manager, deputy=deputy, **{**usual, **days})


def sign_in(client: Client, employee: Employee) -> Client:
    """The client with this employee signed in."""
    client.force_login(account_for(employee), backend="apps.accounts.backends.EmployeeBackend")
    return client


def outsider() -> tuple[str, str]:
    """An identity that is unused in this run."""
    return "email", f"guest{next(_numbers)}@outside.example.org"


def record(employee: Employee, people: int = 1, *, source: str = Source.PAGE) -> Report:
    """Record that many new people for an employee, in one submission. Evaluates nothing: see `mark`."""
    drafts = [Draft(f"Guest {n}", (outsider(),)) for n in range(1, people + 1)]
    return submit(employee=employee, drafts=drafts, source=source, by=TESTER)


def record_one(employee: Employee, *identities: tuple[str, str], name: str = "Guest") -> Report:
    """Record one person with these (kind, raw) identities."""
    return submit(employee=employee, drafts=[Draft(name, identities)], source=Source.PAGE, by=TESTER)


def mark() -> int:
    """Re-evaluate all queued employees, as the sweep does; returns the number of outbox rows."""
    return process_runs.sweep()


def standing(campaign: Campaign, employee: Employee) -> Standing:
    """The stored verdict on an employee."""
    return Standing.objects.get(campaign=campaign, employee=employee)


def november(**terms: Any) -> Campaign:
    """The campaign of every test: 100 contacts from 1 to 30 November 2026 in Shanghai, or other terms."""
    usual = {
        "target": 100, "opens_on": date(2026, 11, 1), "deadline": date(2026, 11, 30), "time_zone": "Asia/Shanghai",
    }  # fmt: skip
    given = {name: terms.pop(name) for name in ("slug", "key", "approved_by") if name in terms}
    name = terms.pop("name", "November")
    return campaign_lifecycle.open_campaign(name=name, draft=RuleDraft(**{**usual, **terms}), **given, by=TESTER)
