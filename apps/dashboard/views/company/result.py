"""`/company/result/`: the frozen result with its proof, and its corrections. HR works here, auditors read."""

from functools import partial
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.signing_key import fingerprint
from apps.dashboard.forms.base import CorrectionForm
from apps.dashboard.labels import base as labels_base
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import ProgressView, not_begun, seconds_left
from apps.dashboard.views.team.standings_list import buffered_download, save_manifest, standings_file
from apps.exports import build_export
from apps.exports.models import Export
from apps.results import corrections, result_versions, verification
from apps.results.close_submissions import refused_at_closing
from apps.results.models import FrozenResult, FrozenStanding, ResultCorrection
from apps.results.result_files import signature_file
from apps.standings import population

JSON, PEM, PYTHON, CSV = "application/json", "application/x-pem-file", "text/x-python", "text/csv; charset=utf-8"


def _reader(request: HttpRequest) -> PageContext:
    """The page context of a request by HR or an auditor. Raises Http404 for all others."""
    scope = PageContext(request)
    if not scope.reads_results:
        raise Http404("There is no such page")
    return scope


def _result(scope: PageContext) -> FrozenResult:
    if scope.result is None:
        raise Http404("There is no result")
    return scope.result


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The result with time and digest; every version; late facts; the corrections."""
    scope = _reader(request)
    if scope.campaign is None or scope.result is None:
        return render(scope, "company/no_result.html")
    requests = scope.campaign.corrections.all()
    context = {
        "result": scope.result,
        "versions": [
            (result, _made_by(result, list(requests))) for result in scope.campaign.results.order_by("-version")
        ],
        "corrections": requests,
        "unmade": set(result_versions.pending_versions().filter(campaign=scope.campaign).values_list("pk", flat=True)),
        "refused": refused_at_closing(scope.campaign),
        "late": corrections.late_facts(scope.result),
        "fingerprint": fingerprint(scope.result.public_key),
        "for_hr": scope.user.has_role("hr"),
    }
    return render(scope, "company/result.html", context)


def _made_by(result: FrozenResult, corrections: list[ResultCorrection]) -> ResultCorrection | None:
    return next((correction for correction in corrections if correction.result_version == result.version), None)


def _name(result: FrozenResult, ending: str) -> str:
    return f"standings-{result.campaign.slug}-result-{result.version}{ending}"


@require_safe
def csv_file(request: HttpRequest) -> FileResponse:
    """The whole result as CSV, without filters: the file that the signature covers."""
    scope = _reader(request)
    result, standings = _result(scope), scope.standings(population.WholeCompany())
    wish = build_export.ExportRequest(kind=Export.Kind.STANDINGS, as_of=standings.now, result_version=result.version)
    return standings_file(standings, _name(result, ".csv"), partial(save_manifest, scope, wish))


@require_safe
def signature(request: HttpRequest) -> FileResponse:
    result = _result(_reader(request))
    return buffered_download(lambda write: write(signature_file(result)), _name(result, ".csv.sig"), JSON)


@require_safe
def public_key(request: HttpRequest) -> FileResponse:
    result = _result(_reader(request))
    return buffered_download(lambda write: write(result.public_key.encode()), "hundred-public-key.pem", PEM)


@require_safe
def verifier(request: HttpRequest) -> FileResponse:
    """The program that verifies a CSV without this site, as readable source."""
    _reader(request)
    source = Path(verification.__file__).read_bytes()
    return buffered_download(lambda write: write(source), "verify.py", PYTHON)


# -- corrections ---------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Request a correction; another HR member decides on it."""
    scope = hr_scope(request)
    _result(scope)
    form = CorrectionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            asked = corrections.ask_correction(
                campaign=scope.the_campaign, drafts=form.wanted(), reason=form.cleaned_data["reason"],
                evidence=form.cleaned_data["evidence"], by=scope.user,
            )  # fmt: skip
        except corrections.CorrectionRefused as refused:
            form.refuse("staff_no_0" if refused.field == "people" else refused.field, refused.message)
        else:
            messages.success(request, _("Asked. Somebody else of HR decides on it."))
            return redirect(scope.url("correction", asked.pk))
    status = 422 if request.method == "POST" else 200
    return render(scope, "company/correction_request.html", {"form": form}, status=status)


def _correction(scope: PageContext, correction_id: int) -> ResultCorrection:
    corrections = ResultCorrection.objects.filter(pk=correction_id, campaign=scope.campaign).first()
    if corrections is None:
        raise Http404("There is no such correction")
    return corrections


@require_safe
def correction(request: HttpRequest, correction_id: int) -> HttpResponse:
    scope = _reader(request)
    return _page(scope, _correction(scope, correction_id))


def _page(scope: PageContext, correction: ResultCorrection, error: str = "", status: int = 200) -> HttpResponse:
    work = _work(correction) if result_versions.is_unmade(correction) else None
    context = {
        "correction": correction,
        "lines": _lines(correction),
        "may_decide": scope.user.has_role("hr") and corrections.may_decide(correction, scope.user),
        "error": error,
        "work": work,
        "made": _made_by_it(correction),
    }
    return render(scope, "company/correction.html", context, status=status)


def _made_by_it(correction: ResultCorrection) -> FrozenResult | None:
    """The version made by a granted correction; None before."""
    if correction.result_version is None:
        return None
    return FrozenResult.objects.filter(campaign=correction.campaign, version=correction.result_version).first()


def _work(correction: ResultCorrection) -> ProgressView:
    """The progress of the version: rows are copied, then signed."""
    title = _("Version %(version)s is being made") % {"version": correction.result_version}
    more = _("Until it stands, the version before is the result.")
    attempt = result_versions.latest_progress(correction)
    if attempt is None or attempt.finished_at:
        return not_begun(title, more)
    rows, done = (attempt.total or 0) // 2, attempt.done
    sentence = _("%(done)s of %(total)s people sealed") if done > rows else _("%(done)s of %(total)s people copied")
    counted = sentence % {
        "done": labels_base.number(done - rows if done > rows else done),
        "total": labels_base.number(rows),
    }
    left = seconds_left(done, attempt.total, attempt.started_at, attempt.updated_at)
    return ProgressView(title, counted, done, attempt.total, left, more)


def _lines(correction: ResultCorrection) -> list[dict[str, Any]]:
    """Each employee's standing before and after, by staff number."""
    newest = correction.campaign.newest_result
    base = correction.result_version - 1 if correction.result_version else newest.version if newest else 1
    lines = {line.employee_id: line for line in correction.lines.all()}
    rows = FrozenStanding.objects.filter(campaign=correction.campaign, version=base, employee__in=lines)
    return [{"before": row, "after": lines[row.employee_id]} for row in rows.order_by("staff_no")]


@require_POST
def grant(request: HttpRequest, correction_id: int) -> HttpResponse:
    scope = hr_scope(request)
    correction = _correction(scope, correction_id)
    try:
        result = corrections.grant_correction(
            correction_id=correction.pk, by=scope.user, answer=request.POST.get("answer", "")
        )
    except corrections.CorrectionRefused as refused:
        return _page(scope, correction, refused.message, status=422)
    if result is None:
        messages.success(request, _("Granted. The new version is being made; until it stands, the one before does."))
    else:
        message = _("Granted: version %(version)s of the result stands now.") % {"version": result.version}
        messages.success(request, message)
    return redirect(scope.url("correction", correction.pk))


@require_POST
def refuse(request: HttpRequest, correction_id: int) -> HttpResponse:
    scope = hr_scope(request)
    correction = _correction(scope, correction_id)
    try:
        corrections.refuse_correction(correction_id=correction.pk, by=scope.user, answer=request.POST.get("answer", ""))
    except corrections.CorrectionRefused as refused:
        return _page(scope, correction, refused.message, status=422)
    messages.success(request, _("Refused. The result stands as it is."))
    return redirect(scope.url("correction", correction.pk))
