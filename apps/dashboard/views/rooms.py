"""`/chat-rooms/`: the group rooms that get a digest: HR's of the company, a manager's of the team."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from apps.core.errors import Refused
from apps.dashboard.forms.rooms import RoomForm
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee
from apps.notifications.models import Room
from apps.notifications.rooms import apprise_client, services


@dataclass
class Place:
    """A room that the reader may set up. `code`: `company` or `team`."""

    code: str
    title: str
    manager: Employee | None
    form: RoomForm

    @property
    def room(self) -> Room | None:
        return Room.objects.filter(manager=self.manager).first()

    @property
    def lost_key(self) -> bool:
        return self.room is not None and not services.has_key(self.room)


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    places = _places(scope)
    if not places:
        raise Http404("The reader may set up no room")
    action, status = request.POST.get("action", ""), 200
    if request.method == "POST":
        if action in ("allow", "stop"):
            return _switch(scope, allowed=action == "allow")
        # Another place than those of the reader is no place.
        place = next((place for place in places if place.code == request.POST.get("place")), None)
        if place is None:
            raise Http404("The reader may not set up this room")
        if _change(scope, place, action):
            return redirect(scope.url("rooms"))
        status = place.form.error_status
    context = {
        "places": places, "installed": apprise_client.is_installed(), "runs_campaigns": scope.runs_campaigns,
        "teams_allowed": services.team_rooms_allowed(),
    }  # fmt: skip
    return render(scope, "rooms.html", context, status=status)


def _places(scope: PageContext) -> list[Place]:
    data = scope.request.POST if scope.request.POST.get("action") == "save" else None
    candidates: list[tuple[str, str, Employee | None]] = [("company", _("Group chat of the company"), None)]
    if scope.employee:
        candidates.append(("team", _("Group chat of your team"), scope.employee))
    return [
        Place(code, title, manager, _form(code, data))
        for code, title, manager in candidates
        if services.may_set_up(manager, scope.user)
    ]


def _form(code: str, data: QueryDict | None) -> RoomForm:
    is_sent = data is not None and data.get("place") == code
    return RoomForm(data if is_sent else None, auto_id=f"{code}_%s")


def _change(scope: PageContext, place: Place, action: str) -> bool:
    """Save or remove the room; False when the form shows what is wrong."""
    if action == "remove":
        with place.form.showing_refusals():
            services.remove_room(manager=place.manager, by=scope.user)
            messages.success(scope.request, _("The group chat is removed. It gets no more messages."))
            return True
        return False
    if action != "save":
        raise Http404("There is no such action")
    if not place.form.is_valid():
        return False
    with place.form.showing_refusals("address"):
        services.save_room(manager=place.manager, by=scope.user, **place.form.cleaned_data)
        messages.success(
            scope.request, _("The group chat is set up. Its first message comes on the next working morning.")
        )
        return True
    return False


def _switch(scope: PageContext, *, allowed: bool) -> HttpResponse:
    try:
        services.allow_team_rooms(allowed=allowed, by=scope.user)
    except Refused as refused:
        raise Http404("Only HR switches the rooms of teams") from refused
    messages.success(
        scope.request,
        _("Managers can set up a group chat now.") if allowed else _("Group chats of teams get no more messages."),
    )
    return redirect(scope.url("rooms"))
