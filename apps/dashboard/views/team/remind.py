"""`/team/<number>/remind/` and `/company/remind/`: who would be reminded and who not, then the sending.

The people are those of the list with the filters in the address. They are decided again at the sending.
"""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from apps.accounts.access_log import log_single_result
from apps.dashboard.forms.reminders import ReminderForm
from apps.dashboard.labels.reminders import language_label, left_out_labels
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.team.list_filters import chips, filters_from_url
from apps.dashboard.views.team.manager_actions import may_remind
from apps.dashboard.views.team.team import team_visible
from apps.employees.models import Employee
from apps.notifications.models import ReminderText
from apps.notifications.reminders.sending import Preview, preview_reminder, send_reminder
from apps.standings import report_people

# The most people that the page names of each kind; it counts all.
MAX_SHOWN = 200


@require_http_methods(["GET", "HEAD", "POST"])
def team(request: HttpRequest, staff_no: str) -> HttpResponse:
    scope = PageContext(request)
    return _remind(scope, team_visible(scope, staff_no))


@require_http_methods(["GET", "HEAD", "POST"])
def company(request: HttpRequest) -> HttpResponse:
    return _remind(hr_scope(request), None)


def _remind(scope: PageContext, root: Employee | None) -> HttpResponse:
    if not may_remind(scope, root):
        raise Http404("There is nothing to remind of")
    filters = filters_from_url(scope)
    people = report_people.Team(root, scope.user) if root else report_people.WholeCompany()
    standings = scope.standings(people, filters.for_report)
    texts, is_post = ReminderText.objects.current(), scope.request.method == "POST"
    form = ReminderForm(scope.request.POST if is_post else None, texts=texts, writes_own=scope.user.has_role("hr"))
    back = _url(scope, root, **filters.query) + "#list"
    if is_post and form.is_valid():
        with form.showing_refusals():
            reminder = send_reminder(
                standings=standings, draft=form.draft, seen=form.cleaned_data["seen"], key=form.cleaned_data["key"],
                by=scope.user, filters={**filters.query, "since": scope.sticky_params.get("since", "")},
                label=str(root or ""),
            )  # fmt: skip
            # Without the preview before it, too, the answer tells whether this person is still below the target.
            if reminder.people == 1:
                _log_single_person(scope, preview_reminder(standings, scope.now))
            text = ngettext("%(count)s person is reminded.", "%(count)s people are reminded.", reminder.people)
            messages.success(scope.request, text % {"count": reminder.people})
            return redirect(back)
    preview = preview_reminder(standings, scope.now)
    _log_single_person(scope, preview)
    context = {
        "form": form, "root": root, "back": back, "preview": preview,
        "chips": chips(filters, partial(_url, scope, root, "remind")),
        **_lists(preview, for_hr=scope.user.has_role("hr")),
    }  # fmt: skip
    return render(scope, "team/remind.html", context, status=form.error_status if is_post else 200)


def _log_single_person(scope: PageContext, preview: Preview) -> None:
    log_single_result(scope.user, [candidate.employee_id for candidate in preview.candidates], "standing")


def _lists(preview: Preview, *, for_hr: bool) -> dict[str, Any]:
    """What the page shows of the people; a manager does not learn the settings of their accounts."""
    recipients, left_out, labels = preview.recipients, preview.left_out, left_out_labels(for_hr=for_hr)
    return {
        "recipients": [(person, language_label(person.language)) for person in recipients[:MAX_SHOWN]],
        "shows_languages": for_hr,
        "more_recipients": max(len(recipients) - MAX_SHOWN, 0),
        "left_out": [(person, labels[person.reason]) for person in left_out[:MAX_SHOWN]],
        "more_left_out": max(len(left_out) - MAX_SHOWN, 0),
        "reasons": [(labels[reason], number) for reason, number in preview.reasons],
    }


def _url(scope: PageContext, root: Employee | None, page: str = "", **query: str) -> str:
    """The address of the list, or of another page of the same people."""
    name = "-".join(filter(None, ["team" if root else "company", page]))
    return scope.url(name, *([root.staff_no] if root else []), **query)
