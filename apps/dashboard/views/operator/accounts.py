"""`/operator/accounts/`: accounts, found by name, number or e-mail, and one account with what can be done for it."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.accounts.access_log import log_record_access, log_single_result
from apps.accounts.enrolment import needs_enrolment_code
from apps.accounts.models import Account, ApiToken, ApprovalRequest, EnrolmentCode, ProviderSubject, Role
from apps.accounts.second_factors import factors
from apps.accounts.sessions import signed_in_browsers
from apps.accounts.user_agents import browser_name
from apps.dashboard.labels import accounts as labels
from apps.dashboard.labels import approvals
from apps.dashboard.operators import operator_page
from apps.dashboard.views.list_pages import position, text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee

# A phone's page; the search and the roles narrow the list.
PAGE = 20


@require_safe
@operator_page
def index(request: HttpRequest) -> HttpResponse:
    """All people on the roster, or those who match; `role` leaves the holders of a role."""
    scope = PageContext(request)
    text, role = text_param(request.GET, "q"), request.GET.get("role", "")
    role = role if role in Role.Kind.values else ""
    page = Paginator(_people(scope, text, role), PAGE).get_page(request.GET.get("page"))
    if text or role:
        log_single_result(scope.user, [person.pk for person in page] if page.paginator.count == 1 else [], "account")
    context = {
        "page": page, "text": text, "role": role, "roles": Role.Kind.choices, "rows": _rows(scope, list(page)),
        "position": position(page.start_index(), len(page), page.paginator.count) if page.has_other_pages() else "",
    }  # fmt: skip
    return render(scope, "operator/accounts.html", context)


def _people(scope: PageContext, text: str, role: str) -> QuerySet[Employee]:
    people = Employee.objects.with_accounts_managed_by(scope.user)
    if role:
        people = people.filter(account__role__role=role)
    return people.search(text) if text else people.order_by("name", "staff_no")


def _rows(scope: PageContext, people: list[Employee]) -> list[dict[str, Any]]:
    ids = [person.pk for person in people]
    accounts = {account.employee_id: account for account in Account.objects.filter(employee__in=ids)}
    employed = set(Employee.objects.employed_at(scope.now).filter(pk__in=ids).values_list("pk", flat=True))
    roles: dict[int | None, list[str]] = {}
    for held in Role.objects.filter(account__employee__in=ids).select_related("account").order_by("role"):
        roles.setdefault(held.account.employee_id, []).append(held.get_role_display())
    return [
        {
            "person": person, "account": accounts.get(person.pk), "roles": roles.get(person.pk, []),
            "is_employed": person.pk in employed,
        }
        for person in people
    ]  # fmt: skip


@require_safe
@operator_page
def detail(request: HttpRequest, employee_id: int) -> HttpResponse:
    scope = PageContext(request)
    people = Employee.objects.with_accounts_managed_by(scope.user).select_related("node")
    return account_page(scope, get_object_or_404(people, pk=employee_id))


def account_page(scope: PageContext, employee: Employee, *, code: str = "") -> HttpResponse:
    """The account of an employee; `code` is an enrolment code that was just created."""
    log_record_access(scope.user, employee, "account")
    # Read and not created: looking changes nothing.
    account = Account.objects.filter(employee=employee).first()
    context = {
        "employee": employee, "account": account, "code": code, "is_own": employee == scope.employee,
        "is_employed": Employee.objects.employed_at(scope.now).filter(pk=employee.pk).exists(),
        **(_account_state(scope, account) if account else {"held": [], "free": _acts("grant", Role.Kind.values)}),
    }  # fmt: skip
    return render(scope, "operator/account.html", context)


def _account_state(scope: PageContext, account: Account) -> dict[str, Any]:
    held = list(Role.objects.filter(account=account).order_by("role"))
    names = {role.role for role in held}
    waiting = ApprovalRequest.objects.about_accounts().open(scope.now).filter(payload__account=account.pk)
    return {
        "held": [{"role": role, "act": f"revoke-{role.role}"} for role in held],
        "free": _acts("grant", [role for role in Role.Kind.values if role not in names]),
        "factors": factors(account),
        "needs_code": needs_enrolment_code(account),
        "code_row": EnrolmentCode.objects.filter(account=account).first(),
        "browsers": [(browser_name(row.agent), row) for row in signed_in_browsers(account, None)],
        "tokens": ApiToken.objects.of(account).filter(revoked_at=None, expires_at__gt=scope.now).count(),
        "bindings": ProviderSubject.objects.filter(account=account).order_by("pk"),
        "waiting": [
            {"approval": request, "kind": approvals.kind_of(request)} for request in waiting.order_by("requested_at")
        ],
        "has_password": account.has_usable_password(),
    }


def _acts(kind: str, roles: list[str]) -> list[tuple[str, labels.ActLabel]]:
    return [(f"{kind}-{role}", labels.ACTS[f"{kind}-{role}"]) for role in roles]
