"""The table of T1. Other parts of the application add their rows in files of their own, imported by test_takeover."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client

from apps.accounts import api_tokens
from apps.accounts.models import Account, ApprovalRequest, Scope
from apps.accounts.oidc_login import Claims, SignInRejected, sign_in_with_claims
from apps.accounts.services import set_password_link
from apps.contacts.models import Contact
from apps.employees.models import Employee
from tests import people
from tests.takeover import CANARY, CANARY_PHONE, MALLORY, PASSWORD, Ground, account, way


@way("hr")
def gives_the_victim_another_address(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return ground.takes_over("A001")


@way("hr")
def gives_another_address_and_names_it_at_the_sign_in(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return ground.takes_over(f"alice@{MALLORY}")


@way("hr")
def gives_another_address_before_there_is_an_account(ground: Ground) -> bool:
    account("A001").delete()
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return ground.takes_over("A001")


@way("hr")
def gives_the_second_hr_user_another_address(ground: Ground) -> bool:
    ground.load(f"C001,Carol,carol@{MALLORY}")
    return ground.takes_over("C001")


@way("hr")
def swaps_addresses_with_the_victim(ground: Ground) -> bool:
    ground.load(f"H001,Hedda,alice@corp.example.com\nA001,Alice 艾,hedda@corp.example.com\nM001,M,m@{MALLORY}")
    ground.forgets("A001")
    return any(to == "hedda@corp.example.com" for one in _outbox() for to in one.to)


@way("hr")
def ends_the_victim_and_brings_them_back_with_another_address(ground: Ground) -> bool:
    ground.load("A001,Alice 艾,alice@corp.example.com,2026-11-20", head="staff_no,name,email,left_on")
    ground.load(f"A001,Alice 艾,alice@{MALLORY},", head="staff_no,name,email,left_on")
    return ground.takes_over("A001")


@way("hr")
def gives_the_victims_address_to_a_made_up_employee(ground: Ground) -> bool:
    ground.load("X001,Nobody,alice@corp.example.com")
    ground.forgets("alice@corp.example.com")
    return Employee.objects.filter(staff_no="X001").exists()


@way("hr")
def makes_up_an_employee_whose_number_differs_by_case(ground: Ground) -> bool:
    account("A001").delete()
    ground.load(f"a001,Alice 艾,alice@{MALLORY}")
    return ground.takes_over("a001") or ground.takes_over("A001")


@way("hr")
def makes_up_an_employee_whose_number_is_the_victims_address(ground: Ground) -> bool:
    ground.load(f"alice@corp.example.com,Alice 艾,alice@{MALLORY}")
    return ground.takes_over("alice@corp.example.com")


@way("hr")
def waits_with_a_password_for_a_future_employee(ground: Ground) -> bool:
    """A made-up row with the own address, a password and a token, undone; then the real person is loaded."""
    load = ground.load(f"E600,Erin,erin@{MALLORY}")
    ground.forgets("E600")
    ground.opens_a_link()
    _token, secret = api_tokens.create_token(account=account("E600"), name="x", scopes=[Scope.OWN], by=people.TESTER)
    ground.client("H001").post(f"/company/roster/{load.pk}/undo/")
    ground.decides(ground.client("C001"))
    ground.load("E600,Erin,erin@corp.example.com", by="C001")
    answer = Client().get("/api/v1/me/standing/", HTTP_AUTHORIZATION=f"Bearer {secret}")
    return _signs_in("E600") or answer.status_code != 401


@way("hr")
def says_the_old_address_again(ground: Ground) -> bool:
    """A made-up row with the own address, undone; when the real person is loaded, the own address is said again."""
    load = ground.load(f"E600,Nobody,erin@{MALLORY}")
    ground.client("H001").post(f"/company/roster/{load.pk}/undo/")
    ground.load("E600,Erin,erin@corp.example.com", by="C001")
    ground.load(f"E600,Erin,erin@{MALLORY}")
    ground.forgets("E600")
    return bool(ground.links())


@way("hr")
def keeps_a_request_for_the_real_address_from_being_decided(ground: Ground) -> bool:
    """The own address, said again after each request of another HR user, once superseded it."""
    ground.load(f"E600,Erin,erin@{MALLORY}")
    ground.load("E600,Erin,erin@corp.example.com", by="C001")
    ground.load(f"E600,Erin,erin@{MALLORY}")
    return not ApprovalRequest.objects.filter(kind="email_change", decision=None).exists()


@way("hr")
def signs_on_by_what_was_bound_to_an_undone_line(ground: Ground) -> bool:
    """An accomplice whom the provider knows signs on as a made-up employee, whose number is the real one's later."""
    accomplice = Claims(issuer="https://idp.example.com", subject="c-1", email="contractor@corp.example.com")
    load = ground.load("E600,Nobody,contractor@corp.example.com")
    sign_in_with_claims(accomplice)
    ground.client("H001").post(f"/company/roster/{load.pk}/undo/")
    ground.decides(ground.client("C001"))
    ground.load("E600,Erin,erin@corp.example.com", by="C001")
    try:
        sign_in_with_claims(accomplice)
    except SignInRejected:
        return False
    return True


@way("hr")
def undoes_a_colleagues_line_and_loads_it_with_another_address(ground: Ground) -> bool:
    """The real address and the real person's contacts first, the own address later."""
    return _reloads_a_used_line(ground, approved=False)


@way("hr")
def loads_a_line_with_another_address_after_an_approved_undo(ground: Ground) -> bool:
    """The second person approved that the line goes, not whose address the number has next."""
    return _reloads_a_used_line(ground, approved=True)


def _reloads_a_used_line(ground: Ground, *, approved: bool) -> bool:
    load = ground.load("E600,Erin,erin@corp.example.com", by="C001")
    erin = people.with_account(people.person("E600"))
    people.record_one(erin, ("phone", "+8613911112222"), name=CANARY)
    ground.client("H001").post(f"/company/roster/{load.pk}/undo/")
    if approved:
        ground.decides(ground.client("C001"))
    ground.load(f"E600,Erin,erin@{MALLORY}")
    return ground.takes_over("E600")


@way("hr")
def gives_a_new_colleague_the_own_mailbox(ground: Ground) -> bool:
    """The colleague sets a password by a printed link and records contacts; then the password is forgotten."""
    ground.load(f"E600,Erin,erin@{MALLORY}")
    _uses_a_printed_link("E600")
    return ground.takes_over("E600")


@way("hr")
def proves_the_own_mailbox_before_the_colleague_comes(ground: Ground) -> bool:
    """A link mailed to the own mailbox sets a password first; the operator's printed link ends what that proved."""
    ground.load(f"E600,Erin,erin@{MALLORY}")
    ground.forgets("E600")
    ground.opens_a_link()
    _uses_a_printed_link("E600")
    mail.outbox.clear()
    return ground.takes_over("E600")


@way("hr")
def keeps_a_mailed_link_until_the_feed_brings_contacts(ground: Ground) -> bool:
    ground.load(f"E600,Erin,erin@{MALLORY}")
    ground.forgets("E600")
    people.record_one(people.person("E600"), ("phone", "+8613911112222"), name=CANARY)
    return ground.reads_contacts(ground.opens_a_link())


def _uses_a_printed_link(staff_no: str) -> None:
    link = set_password_link(account(staff_no), printed=True).removeprefix("http://testserver")
    client = Client()
    page = client.get(link, follow=True)
    said = {"new_password1": people.PASSWORD, "new_password2": people.PASSWORD}
    assert client.post(page.redirect_chain[-1][0], said).status_code == 302
    people.record_one(people.person(staff_no), ("phone", "+8613911112222"), name=CANARY)


@way("hr")
def keeps_a_password_beside_the_provider(ground: Ground) -> bool:
    """A new colleague's first line with the own address and a password; the colleague signs on by the provider."""
    ground.load(f"E600,Erin,contractor@{MALLORY}")
    ground.forgets("E600")
    ground.opens_a_link()
    sign_in_with_claims(Claims(issuer="https://idp.example.com", subject="erin", email=f"contractor@{MALLORY}"))
    return _signs_in("E600")


@way("hr")
def waits_with_a_password_until_the_real_address_is_approved(ground: Ground) -> bool:
    """The made-up row stays; of the account, nothing is left when its address is another's."""
    ground.load(f"E600,Erin,erin@{MALLORY}")
    ground.forgets("E600")
    ground.opens_a_link()
    people.enrol(people.person("E600"), "KRUGS4ZANFZSAYJAONSWG4TFOQQGWZLZ")
    _token, secret = api_tokens.create_token(account=account("E600"), name="x", scopes=[Scope.OWN], by=people.TESTER)
    ground.load("E600,Erin,erin@corp.example.com", by="C001")
    if not ground.decides(ground.client("H001")):
        return True
    answer = Client().get("/api/v1/me/standing/", HTTP_AUTHORIZATION=f"Bearer {secret}")
    factors = Authenticator.objects.filter(user=account("E600")).exists()
    return _signs_in("E600") or answer.status_code != 401 or factors


def _signs_in(name: str) -> bool:
    """Whether the password of the attacker opens this account."""
    cache.clear()
    return Client().post("/login/", {"username": name, "password": PASSWORD}).status_code == 302


@way("hr")
def approves_the_own_request(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return ground.decides(ground.client("H001"))


@way("hr")
def approves_the_own_request_by_another_session(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    ground.client("H001").post("/sign-ins/end-others/")
    return ground.decides(ground.client("H001"))


@way("hr")
def approves_as_an_account_that_got_the_role_just_now(ground: Ground) -> bool:
    settings.APPROVAL_COOLDOWN_DAYS = 3
    Account.objects.filter(pk=account("H001").pk).update(security_changed_at=None)
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    people.with_account(people.person("D001"), "hr")
    return ground.decides(ground.client("D001"))


@way("hr")
def repeats_the_file_until_the_address_is_taken(ground: Ground) -> bool:
    for _time in range(3):
        ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return people.person("A001").email != "alice@corp.example.com"


@way("hr")
def undoes_a_load_to_bring_an_old_address_back(ground: Ground) -> bool:
    load = ground.load(f"A001,Alice Two,alice@{MALLORY}")
    ground.client("H001").post(f"/company/roster/{load.pk}/undo/")
    return people.person("A001").email != "alice@corp.example.com"


@way("hr")
def reads_in_a_preview_whose_contact_somebody_is(ground: Ground) -> bool:
    """A made-up row with the outsider's phone, beside one with a phone that nobody has recorded."""
    texts = []
    for phone in (CANARY_PHONE, "+8613912345679"):
        client = ground.client("H001")
        rows = f"staff_no,name,email,phone\nX001,Nobody,x@{MALLORY},{phone}\n"
        texts.append(ground.preview(client, rows).replace(phone, "PHONE"))
    return texts[0] != texts[1]


@way("hr")
def reads_in_the_request_whose_contact_somebody_is(ground: Ground) -> bool:
    ground.load(f"X001,Nobody,x@{MALLORY},{CANARY_PHONE}", head="staff_no,name,email,phone")
    client, request = ground.client("H001"), ground.request()
    pages = [f"/company/approvals/{request.pk}/", "/company/approvals/", f"/company/roster/{request.subject}/"]
    said = "".join(client.get(page).content.decode() for page in [*pages, "/company/audit/"])
    return "count of 1 person" in said


@way("hr")
def applies_a_made_up_row_that_moves_a_count(ground: Ground) -> bool:
    ground.load(f"X001,Nobody,x@{MALLORY},{CANARY_PHONE}", head="staff_no,name,email,phone")
    return Employee.objects.filter(staff_no="X001").exists()


@way("hr")
def looks_at_the_victims_pages(ground: Ground) -> bool:
    client = ground.client("H001")
    pages = ["/team/A001/", "/exports/", "/company/?q=alice", f"/contacts/{_contact()}/", "/company/audit/entries.csv"]
    return any(CANARY in _body(client.get(page)) for page in pages)


@way("employee")
def opens_a_colleagues_contact(ground: Ground) -> bool:
    client = ground.client("A002")
    answers = [client.get(f"/contacts/{_contact()}/"), client.post(f"/contacts/{_contact()}/rename/", {"name": "x"})]
    return any(answer.status_code != 404 for answer in answers)


@way("employee")
def decides_what_waits_for_hr(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return ground.decides(ground.client("A002"))


@way("manager")
def looks_at_the_team_for_contacts(ground: Ground) -> bool:
    client = ground.client("B001")
    pages = ["/team/B001/", "/team/A001/", "/charts/member/A001.json", "/team/B001/standings.csv"]
    return any(CANARY in _body(client.get(page)) for page in pages)


@way("auditor")
def decides_or_reads_contacts(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    client = ground.client("U001")
    pages = ["/company/", "/company/audit/", "/company/audit/entries.csv", "/company/approvals/"]
    return ground.decides(client) or any(CANARY in _body(client.get(page)) for page in pages)


@way("operator by page")
def decides_by_a_page(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    return ground.decides(ground.client("O001"))


@way("administrator")
def writes_an_address_in_the_admin(ground: Ground) -> bool:
    root = Account.objects.create_superuser("root", people.PASSWORD, email=f"root@{MALLORY}")
    client = Client()
    client.force_login(root, backend="apps.accounts.backends.EmployeeBackend")
    victim = account("A001")
    client.post(f"/admin/accounts/account/{victim.pk}/change/", {"email": f"alice@{MALLORY}", "login": "a001"})
    client.post(f"/admin/employees/employee/{victim.employee_id}/change/", {"email": f"alice@{MALLORY}"})
    return MALLORY in people.person("A001").email + account("A001").email


@way("application role of the database")
def writes_an_address_by_a_statement(ground: Ground) -> bool:
    try:
        with transaction.atomic():
            Employee.objects.filter(staff_no="A001").update(email=f"alice@{MALLORY}")
    except IntegrityError:
        return False
    return ground.takes_over("A001")


@way("provider")
def binds_the_victims_account_by_the_new_address(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    try:
        return (
            sign_in_with_claims(Claims("https://id.example", "mallory", email=f"alice@{MALLORY}")).employee is not None
        )
    except SignInRejected:
        return False


@way("token of each scope")
def asks_the_api_for_anothers_contacts(ground: Ground) -> bool:
    found = []
    for who, scope in (("H001", Scope.REPORTS), ("A002", Scope.OWN), ("O001", Scope.FEED), ("H001", Scope.OWN)):
        _token, secret = api_tokens.create_token(account=account(who), name="x", scopes=[scope], by=people.TESTER)
        for address in ("contacts/", f"contacts/{_contact()}/", "standings/A001/", "me/standing/", "standings/"):
            answer = Client().get(f"/api/v1/{address}", HTTP_AUTHORIZATION=f"Bearer {secret}")
            found.append(CANARY in _body(answer))
    return any(found)


@way("reader of the mail log")
def reads_a_link_in_subjects_and_recipients(ground: Ground) -> bool:
    for name in ("A001", "C001", "H001"):
        ground.forgets(name)
    return bool(ground.links())


@way("reader of the mail log with hr")
def requests_an_address_and_reads_the_log(ground: Ground) -> bool:
    ground.load(f"A001,Alice 艾,alice@{MALLORY}")
    ground.mails_about_addresses()
    return ground.takes_over("A001")


def _outbox() -> list[Any]:
    return mail.outbox


def _contact() -> int:
    return Contact.objects.of(people.person("A001")).get().pk


def _body(answer: Any) -> str:
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
