"""`/company/audit/`: who did what to whom, when, from where. HR and auditors read it; it is read-only."""

import uuid
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.accounts.services import staff_numbers
from apps.core.audit import audit
from apps.core.models import AuditEntry, RowChange
from apps.dashboard.labels import audit as audit_labels
from apps.dashboard.views.company.company import company_scope
from apps.dashboard.views.list_pages import list_page, text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.team.standings_list import CSV, buffered_download
from apps.exports.audit_export import entries_for, write_audit_trail
from apps.exports.export_requests import SEARCHED

PAGE = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = company_scope(request)
    chosen, entries = _chosen(scope)

    def address(**query: str) -> str:
        return scope.url("audit", **chosen, **query) + "#list"

    page = list_page(scope, entries, "-at", "-pk", size=PAGE, address=address)
    # Which tables an action changed reveals no person.
    changed = RowChange.objects.by_transaction(page.rows)
    numbers = staff_numbers({entry.actor_id for entry in page.rows if entry.actor_id})
    context = {
        "page": page,
        "rows": [
            _line(entry, changed.get(entry.transaction, []), numbers.get(entry.actor_id, "")) for entry in page.rows
        ],
        "chosen": chosen,
        "abouts": audit_labels.SUBJECT_AREAS.items(),
        "csv": scope.url("audit-csv", **chosen),
        "narrowed": any(chosen.values()),
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
        about=filters["about"], q=filters["q"], since=since, until=until + timedelta(days=1) if until else None
    )
    return filters | {name: day.isoformat() if day else "" for name, day in days.items()}, entries


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 9000 else None


def _line(entry: Any, changed: list[tuple[str, str, int | None]], staff_no: str) -> dict[str, Any]:
    """An entry in words, with its actor's number and the row changes of its transaction."""
    label = audit_labels.ACTIONS.get(entry.action)
    details = [(name, _as_text(value)) for name, value in entry.shown_detail.items()]
    if not entry.action.startswith("database."):
        # An entry that the database wrote itself is the row change already.
        details += [("database", _changed(*change)) for change in changed]
    return {
        "entry": entry,
        "staff_no": staff_no,
        "action": label or entry.action,
        "known": bool(label),
        "about": entry.shown_label or _about(entry),
        "details": details,
    }


def _changed(table: str, operation: str, rows: int | None) -> str:
    about = f"{audit_labels.TABLES.get(table, table)}: {audit_labels.OPERATIONS.get(operation, operation)}"
    return about if rows is None else f"{about} {rows}"


def _about(entry: Any) -> str:
    """Contacts and files have no label, so that no person is named here: a kind and a number. A table has its label."""
    if entry.subject_kind == "table":
        return str(audit_labels.TABLES.get(entry.shown_id, entry.shown_id))
    if not entry.shown_id:
        return ""
    try:
        # Eight digits tell two files apart on a page; the CSV has the whole id.
        number = str(uuid.UUID(entry.shown_id))[:8]
    except ValueError:
        number = entry.shown_id
    return f"{audit_labels.SUBJECTS.get(entry.subject_kind, entry.subject_kind)} {number}"


def _as_text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_as_text(item)}" for name, item in value.items())
    return "; ".join(map(_as_text, value)) if isinstance(value, list) else str(value)


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
        detail = {name: SEARCHED if name == "q" else text for name, text in chosen.items() if text}
        audit("audit.exported", by=scope.user.actor, detail=detail)
    return response
