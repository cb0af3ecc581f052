"""`/company/audit/`: who did what to whom, when, from where. HR and auditors read it; it is read-only."""

import uuid
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.core.audit import audit
from apps.core.models import AuditEntry, RowChange
from apps.dashboard.labels import audit as audit_labels
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.team.standings_list import CSV, buffered_download
from apps.exports.audit_export import entries_for, write_trail
from apps.exports.build_export import SEARCHED

PAGE = 50


def _reader(request: HttpRequest) -> PageContext:
    scope = PageContext(request)
    if not scope.reads_results:
        raise Http404("There is no such page")
    return scope


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The entries, newest first, filtered by action, person, subject and days."""
    scope = _reader(request)
    chosen, entries = _chosen(scope)
    before = request.GET.get("before", "")
    last = (
        entries.filter(pk=int(before)).first() if before.isascii() and before.isdigit() and len(before) < 19 else None
    )
    if last:
        entries = entries.filter(Q(at__lt=last.at) | Q(at=last.at, pk__lt=last.pk))
    rows = list(entries[: PAGE + 1])
    # Which tables an action changed reveals no person.
    changed = RowChange.objects.by_act(rows[:PAGE])
    context = {
        "rows": [_line(entry, changed.get(entry.transaction, [])) for entry in rows[:PAGE]],
        "chosen": chosen,
        "abouts": audit_labels.ABOUT.items(),
        "csv": scope.url("audit-csv", **chosen),
        "next": scope.url("audit", **chosen, before=rows[PAGE - 1].pk) + "#list" if len(rows) > PAGE else "",
        "first": scope.url("audit", **chosen) + "#list" if last else "",
        "narrowed": any(chosen.values()),
    }
    return render(scope, "company/audit.html", context)


def _chosen(scope: PageContext) -> tuple[dict[str, str], QuerySet[AuditEntry]]:
    """The filters of the address without unknown values, and the matching entries."""
    asked = {name: scope.request.GET.get(name, "").strip().replace("\0", "")[:200] for name in ("about", "q")}
    asked["about"] = asked["about"] if asked["about"] in audit_labels.ABOUT else ""
    days = {name: _day(scope.request.GET.get(name, "")) for name in ("since", "until")}
    since, until = (datetime.combine(day, time(), tzinfo=scope.zone) if day else None for day in days.values())
    entries = entries_for(scope.user).chosen(
        about=asked["about"], q=asked["q"], since=since, until=until + timedelta(days=1) if until else None
    )
    return asked | {name: day.isoformat() if day else "" for name, day in days.items()}, entries


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 9000 else None


def _line(entry: Any, changed: list[tuple[str, str, int | None]]) -> dict[str, Any]:
    """An entry in words, with the row changes of its transaction as the database recorded them."""
    label = audit_labels.ACTIONS.get(entry.action)
    details = [(name, _told(value)) for name, value in entry.shown_detail.items()]
    if not entry.action.startswith("database."):
        details += [("database", _changed(*change)) for change in changed]
    return {
        "entry": entry,
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
        number = str(uuid.UUID(entry.shown_id))[:8]
    except ValueError:
        number = entry.shown_id
    return f"{audit_labels.SUBJECTS.get(entry.subject_kind, entry.subject_kind)} {number}"


def _told(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_told(one)}" for name, one in value.items())
    return "; ".join(map(_told, value)) if isinstance(value, list) else str(value)


@require_safe
def csv_file(request: HttpRequest) -> FileResponse:
    """All entries that match the page's filters, with details. The download is an audit entry itself."""
    scope = _reader(request)
    chosen, found = _chosen(scope)
    response = buffered_download(
        partial(write_trail, found, scope.zone.key), f"audit-trail-{scope.today.isoformat()}.csv", CSV
    )
    if request.method == "GET":
        # A search text may name any person; the entry only says that there was a search.
        detail = {name: SEARCHED if name == "q" else text for name, text in chosen.items() if text}
        audit("audit.exported", by=scope.user.actor, detail=detail)
    return response
