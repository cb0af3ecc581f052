"""The navigation at the top of each page: the pages that the reader may open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from apps.dashboard.views.page_context import PageContext


@dataclass(frozen=True)
class Link:
    label: str
    url: str
    icon: str
    is_current: bool
    count: int = 0


def navigation_links(scope: PageContext) -> list[Link]:
    has_result = scope.reads_results and scope.campaign and scope.campaign.newest_result
    pages = [
        (scope.employee, _("My standing"), "me", "gauge"),
        (scope.employee, _("Contacts"), "contacts", "contact"),
        (scope.has_team, _("Team"), "team-home", "users"),
        (scope.reads_results, _("Company"), "company", "building-2"),
        (scope.runs_installation, _("Operation"), "operator", "server-cog"),
        # Only while something waits: the number is the reason to go there.
        (scope.approvals_waiting, _("Approvals"), "approvals", "check-check"),
        (has_result, _("Result"), "result", "stamp"),
        (scope.user.has_role("auditor"), _("Audit trail"), "audit", "scroll-text"),
        (scope.employee or scope.reads_results, _("Exports"), "exports", "download"),
    ]
    shown = [(label, name, icon) for condition, label, name, icon in pages if condition]
    # The entry of the current page: the nearest one above it.
    paths = [reverse(name) for _label, name, _icon in shown]
    current = max((path for path in paths if _is_at(scope.request.path, path)), key=len, default="")
    counts = {"approvals": scope.approvals_waiting}
    return [
        Link(label, scope.url(name), icon, path == current, counts.get(name, 0))
        for (label, name, icon), path in zip(shown, paths, strict=True)
    ]


def _is_at(path: str, entry: str) -> bool:
    return path == entry or (entry != "/" and path.startswith(entry))
