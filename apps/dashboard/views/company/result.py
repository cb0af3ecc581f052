"""`/company/result/`: the frozen result with its proof, and its corrections. HR works here, auditors read."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import Account
from apps.core.errors import Refused
from apps.core.signing_key import fingerprint
from apps.dashboard.forms.corrections import CorrectionForm
from apps.dashboard.labels import base
from apps.dashboard.labels.corrections import state_of
from apps.dashboard.views.company.company import company_scope, hr_scope
from apps.dashboard.views.company.correction_lines import correction_page
from apps.dashboard.views.company.effect_pages import EffectPage
from apps.dashboard.views.list_pages import list_page
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.people import named_employee
from apps.dashboard.views.progress import ProgressView, not_begun, seconds_left
from apps.dashboard.views.team.standings_list import buffered_download, save_manifest, standings_file
from apps.exports import export_requests
from apps.exports.models import Export
from apps.results import corrections, result_versions, verification
from apps.results.close_submissions import refused_at_closing
from apps.results.late_facts import late_facts
from apps.results.models import FrozenResult, ResultCorrection
from apps.results.result_files import signature_file
from apps.standings import report_people

PAGE = 50
JSON, PEM, PYTHON, CSV = "application/json", "application/x-pem-file", "text/x-python", "text/csv; charset=utf-8"


def _result(scope: PageContext) -> FrozenResult:
    if scope.result is None:
        raise Http404("There is no result")
    return scope.result


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = company_scope(request)
    if scope.campaign is None or scope.result is None:
        return render(scope, "company/no_result.html")
    requests = scope.campaign.corrections.defer("evidence")
    made_by = {correction.result_version: correction for correction in requests.exclude(result_version=None)}
    page = list_page(scope, requests, "-pk", size=PAGE, address=partial(scope.url, "result"))
    pending = set(result_versions.pending_versions().filter(campaign=scope.campaign).values_list("pk", flat=True))
    context = {
        "result": scope.result,
        "versions": [(result, made_by.get(result.version)) for result in scope.campaign.results.order_by("-version")],
        "corrections": [
            (correction, state_of(correction, scope.now, is_being_created=correction.pk in pending))
            for correction in page.rows
        ],
        "page": page,
        "refused": refused_at_closing(scope.campaign),
        "late_facts": late_facts(scope.result),
        "fingerprint": fingerprint(scope.result.public_key),
        "for_hr": scope.user.has_role("hr"),
    }
    return render(scope, "company/result.html", context)


def _name(result: FrozenResult, ending: str) -> str:
    return f"standings-{result.campaign.slug}-result-{result.version}{ending}"


@require_safe
def csv_file(request: HttpRequest) -> FileResponse:
    """The whole result as CSV, without filters: the file that the signature covers."""
    scope = company_scope(request)
    result, standings = _result(scope), scope.standings(report_people.WholeCompany())
    export_request = export_requests.ExportRequest(
        kind=Export.Kind.STANDINGS, as_of=standings.now, result_version=result.version
    )
    return standings_file(standings, _name(result, ".csv"), partial(save_manifest, scope, export_request))


@require_safe
def signature(request: HttpRequest) -> FileResponse:
    result = _result(company_scope(request))
    return buffered_download(lambda write: write(signature_file(result)), _name(result, ".csv.sig"), JSON)


@require_safe
def public_key(request: HttpRequest) -> FileResponse:
    result = _result(company_scope(request))
    return buffered_download(lambda write: write(result.public_key.encode()), "hundred-public-key.pem", PEM)


@require_safe
def verifier(request: HttpRequest) -> FileResponse:
    """The program that verifies a CSV without this site, as readable source."""
    company_scope(request)
    # The file itself: auditors can compare it with the published source.
    source = Path(verification.__file__).read_bytes()
    return buffered_download(lambda write: write(source), "verify.py", PYTHON)


# -- corrections ---------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Request a correction; another HR member decides on it."""
    scope = hr_scope(request)
    _result(scope)
    form = CorrectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (people := _named(scope, form)):
        with form.showing_refusals():
            requested = corrections.request_correction(
                campaign=scope.required_campaign, drafts=form.drafts(people), reason=form.cleaned_data["reason"],
                evidence=form.cleaned_data["evidence"], by=scope.user,
            )  # fmt: skip
            messages.success(request, _("Requested. Another HR user decides on it."))
            return redirect(scope.url("correction", requested.pk))
    status = 422 if request.method == "POST" else 200
    return render(scope, "company/correction_request.html", {"form": form}, status=status)


def _named(scope: PageContext, form: CorrectionForm) -> list[str]:
    """The staff numbers of the employees named in the form; none after showing which of them is unknown."""
    employees = [named_employee(scope, form, field) for field in form.named_fields]
    return [employee.staff_no for employee in employees if employee] if all(employees) else []


def _correction(scope: PageContext, correction_id: int) -> ResultCorrection:
    return get_object_or_404(ResultCorrection, pk=correction_id, campaign=scope.campaign)


@require_safe
def correction(request: HttpRequest, correction_id: int) -> HttpResponse:
    scope = company_scope(request)
    return _page(scope, _correction(scope, correction_id))


def _page(scope: PageContext, correction: ResultCorrection, error: str = "", status: int = 200) -> HttpResponse:
    work = _work(correction) if result_versions.is_pending(correction) else None
    context = {
        "correction": correction,
        "lines": _lines(scope, correction),
        "for_hr": scope.user.has_role("hr"),
        "state": state_of(correction, scope.now),
        "waits": corrections.is_open(correction, scope.now),
        "expires_at": corrections.expires_at(correction),
        "is_own": scope.user.has_role("hr") and correction.asked_by_id == scope.user.pk,
        "may_decide": scope.user.has_role("hr") and corrections.may_decide(correction, scope.user, scope.now),
        "error": error,
        "work": work,
        "created": _created_version(correction),
    }
    return render(scope, "company/correction.html", context, status=status)


def _created_version(correction: ResultCorrection) -> FrozenResult | None:
    """The version made by a granted correction; None before."""
    if correction.result_version is None:
        return None
    return FrozenResult.objects.filter(campaign=correction.campaign, version=correction.result_version).first()


def _work(correction: ResultCorrection) -> ProgressView:
    title = _("Version %(version)s is being created") % {"version": correction.result_version}
    more = _("Until then the previous version is the result.")
    attempt = result_versions.latest_progress(correction)
    if attempt is None or attempt.finished_at:
        return not_begun(title, more)
    # Each row is counted twice: once copied, once signed.
    rows, done = (attempt.total or 0) // 2, attempt.done
    sentence = _("%(done)s of %(total)s people signed") if done > rows else _("%(done)s of %(total)s people copied")
    counted = sentence % {
        "done": base.number(done - rows if done > rows else done),
        "total": base.number(rows),
    }
    left = seconds_left(done, attempt.total, attempt.started_at, attempt.updated_at)
    return ProgressView(title, counted, done, attempt.total, left, more)


def _lines(scope: PageContext, correction: ResultCorrection) -> EffectPage:
    """The employees' standings before and after, by staff number."""
    previous = correction.campaign.newest_result
    if correction.result_version:
        previous = correction.campaign.results.get(version=correction.result_version - 1)
    terms = {pk: terms for pk, *terms in correction.lines.values_list("employee_id", "counted", "target", "exempt")}
    return correction_page(scope, previous, terms, partial(scope.url, "correction", correction.pk))


def _decide(
    request: HttpRequest, correction_id: int, decide: Callable[..., FrozenResult | None], text: str
) -> HttpResponse:
    """Grant or refuse with the typed answer; `text` confirms it, unless granting has made a version at once."""
    scope = hr_scope(request)
    correction = _correction(scope, correction_id)
    try:
        result = decide(correction_id=correction.pk, by=scope.user, answer=request.POST.get("answer", ""))
    except Refused as refused:
        return _page(scope, correction, refused.message, status=422)
    if result:
        text = _("Approved. Version %(version)s is now the result.") % {"version": result.version}
    messages.success(request, text)
    return redirect(scope.url("correction", correction.pk))


@require_POST
def grant(request: HttpRequest, correction_id: int) -> HttpResponse:
    text = _("Approved. The new version is being created; until it is ready, the previous version is the result.")
    return _decide(request, correction_id, corrections.grant_correction, text)


@require_POST
def refuse(request: HttpRequest, correction_id: int) -> HttpResponse:
    return _decide(request, correction_id, corrections.refuse_correction, _("Refused. The result does not change."))


@require_POST
def withdraw(request: HttpRequest, correction_id: int) -> HttpResponse:
    def step(*, correction_id: int, by: Account, answer: str) -> None:
        corrections.withdraw_correction(correction_id=correction_id, by=by)

    return _decide(request, correction_id, step, _("Withdrawn. The result does not change."))
