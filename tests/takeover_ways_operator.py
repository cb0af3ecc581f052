"""The rows of T1 for the operator's pages: one operator becomes or makes no HR user, and enters no account."""

from allauth.mfa.totp.internal.auth import generate_totp_secret
from django.test import Client

from apps.accounts.enrolment import has_factor
from apps.accounts.models import ApprovalRequest, Role
from apps.employees.models import Employee
from apps.operations.tasks import send_mails
from tests import people
from tests.takeover import Ground, account, way


def _act(client: Client, staff_no: str, act: str) -> int:
    address = f"/operator/accounts/{Employee.objects.get(staff_no=staff_no).pk}/{act}/"
    return client.post(address, {"password": people.PASSWORD, "reason": "x"}).status_code


def _approves(client: Client) -> None:
    """Approve every request that waits, with the own password."""
    for request in ApprovalRequest.objects.filter(decision=None):
        address = f"/company/approvals/{request.pk}/"
        page = client.get(address)
        if page.status_code == 200:
            client.post(f"{address}approve/", {"seen": page.context["seen"], "password": people.PASSWORD})


def makes_hr(client: Client, second: Client) -> bool:
    """Whether the first browser requests the role HR for itself and a colleague, and the second one gives it."""
    for staff_no in ("O001", "A002"):
        _act(client, staff_no, "grant-hr")
    _approves(second)
    return Role.objects.filter(role="hr", account__employee__staff_no__in=["O001", "A002"]).exists()


def weakens_hr(client: Client, second: Client) -> bool:
    """Whether an HR user loses the second factor by these browsers."""
    people.enrol(people.person("C001"), generate_totp_secret())
    for act in ("reset-factors", "request-reset", "create-code", "revoke-hr", "reset-factors"):
        _act(client, "C001", act)
        _approves(second)
        if Role.objects.filter(account=account("C001")).exists() and not has_factor(account("C001")):
            return True
    return False


@way("operator by page")
def makes_the_own_account_or_an_accomplice_hr(ground: Ground) -> bool:
    client = ground.client("O001")
    return makes_hr(client, client)


@way("operator by page")
def takes_the_factor_of_an_hr_user(ground: Ground) -> bool:
    client = ground.client("O001")
    return weakens_hr(client, client)


@way("operator by page")
def has_links_mailed_and_reads_them(ground: Ground) -> bool:
    client = ground.client("O001")
    for staff_no in ("A001", "C001"):
        _act(client, staff_no, "send-link")
    send_mails()
    return ground.opens_a_link() is not None


@way("operator by page")
def looks_for_contacts_on_the_operators_pages(ground: Ground) -> bool:
    client = ground.client("O001")
    victim = Employee.objects.get(staff_no="A001").pk
    pages = ("/operator/", "/operator/accounts/?q=a001", f"/operator/accounts/{victim}/", "/company/approvals/")
    return any("Canary" in client.get(page).content.decode() for page in pages)
