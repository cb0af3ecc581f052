"""Fields in which a reader names a person: `/people/` suggests matching people, and `named_employee` decides.

By name a reader finds only people whose numbers the reader sees: a manager's form must not become a directory.
"""

from django.http import Http404, HttpRequest, JsonResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.core.sentences import join_names
from apps.dashboard.forms.base import RefusableForm
from apps.dashboard.views.list_pages import text_param
from apps.dashboard.views.page_context import PageContext
from apps.employees.models import Employee

MAX_SUGGESTIONS = 8


@require_safe
def suggest(request: HttpRequest) -> JsonResponse:
    """Employed people who match `q`; with `teams` only those who have a team. For HR and readers with a team."""
    scope = PageContext(request)
    if not (scope.has_team or scope.user.has_role("hr")):
        raise Http404("There is no one to choose")
    if request.GET.get("teams"):
        people = Employee.objects.teams_visible_to(scope.user).with_team()
    else:
        people = Employee.objects.visible_to(scope.user).employed_at(scope.now)
    matches = people.search(text_param(request.GET, "q")).select_related("node")[:MAX_SUGGESTIONS]
    response = JsonResponse(
        {
            "people": [
                {"staff_no": match.staff_no, "name": match.name, "department": match.current_department}
                for match in matches
            ]
        }
    )
    add_never_cache_headers(response)
    return response


def named_employee(scope: PageContext, form: RefusableForm, field: str) -> Employee | None:
    """The employee named in a field of a valid form; None after showing why there is none."""
    typed = form.cleaned_data[field]
    if employee := Employee.objects.find(typed):
        return employee
    same_name = list(Employee.objects.visible_to(scope.user).with_name(typed).select_related("node")[:MAX_SUGGESTIONS])
    if len(same_name) == 1:
        return same_name[0]
    message = _("No employee on the roster has this staff number or e-mail address.")
    if same_name:
        numbers = join_names(f"{person.staff_no} {person.current_department}".strip() for person in same_name)
        message = _("Several people have this name: %(people)s. Enter the staff number.") % {"people": numbers}
    form.refuse(field, message)
    return None
