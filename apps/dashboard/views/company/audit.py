"""`/company/audit/`: who did what to whom, when, from where. HR and auditors read it; it is read-only."""

import uuid
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from apps.accounts.services import accounts_of_number, staff_numbers
from apps.campaigns.models import Campaign
from apps.core.audit import audit
from apps.core.models import AuditEntry, RowChange
from apps.core.text import is_storable
from apps.dashboard.labels import audit as audit_labels
from apps.dashboard.labels import exports as export_labels
from apps.dashboard.labels.audit_actions import ACTIONS
from apps.dashboard.labels.audit_details import Reader, instant
from apps.dashboard.labels.audit_fields import humanised
from apps.dashboard.views.company.company import company_scope
from apps.dashboard.views.list_pages import list_page, text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.team.standings_list import CSV, buffered_download
from apps.exports.audit_export import entries_for, write_audit_trail
from apps.exports.export_requests import masked_filters

PAGE = 50
SUBJECT_PAGES = {"adjustment": "adjustment", "review": "company-review", "correction": "correction"}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = company_scope(request)
    chosen, entries = _chosen(scope)

    def address(**query: str) -> str:
        return scope.url("audit", **chosen, **query) + "#list"

    page = list_page(scope, entries, "-at", "-pk", size=PAGE, address=address)
    context = {
        "page": page,
        "rows": _lines(scope, page.rows),
        "chosen": chosen,
        "abouts": audit_labels.SUBJECT_AREAS.items(),
        "csv": scope.url("audit-csv", **chosen),
        "clear": scope.url("audit") if any(chosen.values()) else "",
    }
    return render(scope, "company/audit.html", context)


def _chosen(scope: PageContext) -> tuple[dict[str, str], QuerySet[AuditEntry]]:
    """The filters of the address without unknown values, and the matching entries."""
    filters = {name: text_param(scope.request.GET, name) for name in ("about", "q")}
    filters["about"] = filters["about"] if filters["about"] in audit_labels.SUBJECT_AREAS else ""
    # An invalid day means no limit, as an empty one: the trail is read-only, so a wide answer does no harm.
    days = {name: _day(scope.request.GET.get(name, "")) for name in ("since", "until")}
    since, until = (datetime.combine(day, time(), tzinfo=scope.zone) if day else None for day in days.values())
    entries = entries_for(scope.user).chosen(
        **filters, since=since, until=until + timedelta(days=1) if until else None,
        actors=accounts_of_number(filters["q"]) if is_storable(filters["q"]) else (),
    )  # fmt: skip
    return filters | {name: day.isoformat() if day else "" for name, day in days.items()}, entries


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 9000 else None


def _lines(scope: PageContext, entries: list[Any]) -> list[dict[str, Any]]:
    """The entries in words, with the numbers of their actors and the row changes of their transactions."""
    # Which tables an action changed reveals no person.
    changed = RowChange.objects.by_transaction(entries)
    numbers = staff_numbers({entry.actor_id for entry in entries if entry.actor_id})
    campaigns = _campaign_names(entries)
    with timezone.override(scope.zone):
        return [
            _line(scope, entry, campaigns)
            | {
                "staff_no": numbers.get(entry.actor_id, ""),
                # An entry that the database wrote itself is the row change already.
                "changed": []
                if entry.action.startswith("database.")
                else [audit_labels.changed_rows(*change) for change in changed.get(entry.transaction, [])],
            }
            for entry in entries
        ]


def _line(scope: PageContext, entry: Any, campaigns: dict[str, str]) -> dict[str, Any]:
    area = entry.action.partition(".")[0]
    return {
        "entry": entry,
        "actor": audit_labels.actor_of(entry),
        "action": ACTIONS.get(entry.action) or humanised(entry.action),
        "about": _about(entry),
        "url": _subject_url(scope, entry, campaigns) if scope.runs_campaigns else "",
        "details": Reader(area, campaigns).details(entry.shown_detail),
        "at": instant(entry.at),
        "origin": audit_labels.origin(entry.origin),
    }


def _campaign_names(entries: list[Any]) -> dict[str, str]:
    """The names of the campaigns that these entries name by their slugs."""
    slugs = {entry.shown_id for entry in entries if entry.subject_kind == "campaign"}
    slugs |= {str(entry.shown_detail.get(name, "")) for entry in entries for name in ("campaign", "subject")}
    return dict(Campaign.objects.filter(slug__in=slugs).values_list("slug", "name"))


def _subject_url(scope: PageContext, entry: Any, campaigns: dict[str, str]) -> str:
    """The page of the subject, where it has one that is never removed."""
    slug = entry.shown_detail.get("campaign", "")
    match entry.subject_kind:
        case "campaign" if entry.shown_id in campaigns:
            return scope.url("campaign", entry.shown_id)
        case "approval":
            return scope.url("approval", entry.shown_id)
        case "adjustment" | "review" | "correction" if slug in campaigns:
            return scope.url(SUBJECT_PAGES[entry.subject_kind], entry.shown_id, campaign=slug)
    return ""


def _about(entry: Any) -> str:
    """Contacts and files have no label, so that no person is named here: a kind and a number. A table has its label."""
    if entry.subject_kind == "account" and entry.shown_id == str(entry.actor_id):
        # An act on the own account: the actor stands beside it.
        return ""
    if entry.subject_kind == "table":
        return str(audit_labels.TABLES.get(entry.shown_id, entry.shown_id))
    if entry.subject_kind == "export_schedule" and entry.shown_label:
        return export_labels.schedule_name(entry.shown_label)
    if entry.shown_label:
        named = entry.subject_kind != "employee" or entry.shown_id in entry.shown_label
        return entry.shown_label if named else f"{entry.shown_label} ({entry.shown_id})"
    if not entry.shown_id:
        return ""
    try:
        # Eight digits tell two files apart on a page; the CSV has the whole id.
        number = str(uuid.UUID(entry.shown_id))[:8]
    except ValueError:
        number = entry.shown_id
    return f"{audit_labels.SUBJECTS.get(entry.subject_kind) or humanised(entry.subject_kind)} {number}"


def _file_name(scope: PageContext, chosen: dict[str, str]) -> str:
    days = [f"{word}-{chosen[name]}" for name, word in (("since", "from"), ("until", "until")) if chosen[name]]
    parts = ["audit-trail", chosen["about"], "search" if chosen["q"] else "", *days, f"{scope.today}.csv"]
    return "-".join(filter(None, parts))


@require_safe
def csv_file(request: HttpRequest) -> FileResponse:
    """All entries that match the page's filters, with details. The download is an audit entry itself."""
    scope = company_scope(request)
    chosen, entries = _chosen(scope)
    response = buffered_download(partial(write_audit_trail, entries, scope.zone.key), _file_name(scope, chosen), CSV)
    if request.method == "GET":
        # A search text may name any person; the entry only says that there was a search.
        detail = masked_filters({name: text for name, text in chosen.items() if text})
        audit("audit.exported", by=scope.user.actor, detail=detail)
    return response
