"""The details of an audit entry in words: facts, and a table of what was before and after."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.campaigns.models.adjustment import FOR_EVER
from apps.core.sentences import join_names
from apps.dashboard.labels import approvals, base, rules
from apps.dashboard.labels.audit_fields import FIELDS, NUMBERS_OF, TECHNICAL, field_label, value_label

INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
UUID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Details that the table of changes shows instead.
IN_TABLE = {"before", "after", "stored", "recounted", "fields", "from", "to", "changed"}
# A longer text is read after a click.
MAX_INLINE_CHARS = 110


@dataclass(frozen=True)
class Fact:
    label: str
    text: str
    is_technical: bool = False


@dataclass(frozen=True)
class Change:
    """One line of a table of changes; `row` names the database row where there can be several."""

    label: str
    before: str
    after: str
    row: str = ""


@dataclass(frozen=True)
class Details:
    facts: list[Fact] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def inline(self) -> list[Fact]:
        """The facts beside the entry: all but technical ones, when they are short."""
        facts = [fact for fact in self.facts if not fact.is_technical]
        return facts if sum(len(fact.label) + len(fact.text) for fact in facts) <= MAX_INLINE_CHARS else []

    @property
    def folded(self) -> list[Fact]:
        inline = self.inline
        return [fact for fact in self.facts if fact not in inline]

    @property
    def names_rows(self) -> bool:
        return any(change.row for change in self.changes)


@dataclass(frozen=True)
class Reader:
    """Turns the detail of one entry into words, with the names of campaigns by their slugs; in the zone in force."""

    area: str
    campaigns: Mapping[str, str]

    def details(self, detail: dict[str, Any]) -> Details:
        changes = self._changes(detail)
        in_table = IN_TABLE if changes else set()
        facts = [
            Fact(field_label(self.area, name), self.text(name, detail[name]), name in TECHNICAL)
            for name in _ordered(detail)
            # A detail that says nothing, such as a filter that was not set.
            if name not in in_table
            and detail[name] not in (None, "", [], {})
            # The label of an approval names its subject.
            and (self.area, name) != ("approval", "subject")
        ]
        return Details(facts, changes)

    def text(self, name: str, value: Any) -> str:
        """The value of a detail in words."""
        match value:
            case None | "":
                return "–"
            case bool():
                return _("yes") if value else _("no")
            case int() | float():
                return str(value) if name in NUMBERS_OF else base.number(value)
            case dict():
                return self._of_dict(name, value)
            case list():
                return join_names(self.text(name, item) for item in value)
        return self._of_text(name, str(value))

    def _of_dict(self, name: str, value: dict[str, Any]) -> str:
        if name == "effect":
            return _joined(approvals.effect_lines(value)) or _("none")
        return _joined(_labelled(self._key(key), self.text(key, item)) for key, item in value.items() if item != "")

    def _key(self, key: str) -> str:
        return base.long_date(date.fromisoformat(key)) if DAY.fullmatch(key) else field_label(self.area, key)

    def _of_text(self, name: str, text: str) -> str:
        if name in ("campaign", "subject") and text in self.campaigns:
            return self.campaigns[text]
        if name == "time_zone":
            return base.city(text)
        if match := UUID.fullmatch(text):
            # As beside the entry: eight digits tell two things apart on a page, and the CSV has the whole id.
            return match[1]
        try:
            if INSTANT.fullmatch(text):
                return _instant_of(name, datetime.fromisoformat(text))
            if DAY.fullmatch(text):
                return base.long_date(date.fromisoformat(text))
        except ValueError:
            return text
        return value_label(self.area, name, text)

    def _changes(self, detail: dict[str, Any]) -> list[Change]:
        match detail:
            case {"changed": dict(changed)}:
                return [self._term(name, *pair) for name, pair in changed.items()]
            case {"before": dict() | None, "after": dict() | None}:
                return self._columns(detail["before"] or {}, detail["after"] or {})
            case {"stored": dict() | None, "recounted": dict() | None}:
                return self._columns(detail["stored"] or {}, detail["recounted"] or {})
            case {"from": str(before), "to": str(after)}:
                return [Change(_("Start of the contact"), self.text("from", before), self.text("to", after))]
        return self._rows(detail) if self.area == "database" else []

    def _term(self, name: str, before: Any, after: Any) -> Change:
        """A term of a campaign's rule, in the words of the campaign's page."""
        try:
            [term] = rules.differences({name: (_typed(before), _typed(after))})
        except (KeyError, TypeError, ValueError):
            return Change(field_label(self.area, name), self.text(name, before), self.text(name, after))
        return Change(term.term[:1].upper() + term.term[1:], term.before, term.after)

    def _columns(self, before: dict[str, Any], after: dict[str, Any], row: str = "") -> list[Change]:
        """The columns that differ; all of them of a row that was added or deleted."""
        return [
            Change(
                field_label(self.area, name),
                self.text(name, before.get(name)) if before else "–",
                self.text(name, after.get(name)) if after else "–",
                row,
            )
            for name in _ordered({**before, **after})
            if before.get(name) != after.get(name)
        ]

    def _rows(self, detail: dict[str, Any]) -> list[Change]:
        """The first rows of a change outside Hundred, as its trigger stores them."""
        keys = detail.get("keys") or []
        before, after = (_objects(detail.get(name), len(keys)) for name in ("before", "after"))
        return [
            change
            for key, old, new in zip(keys, before, after, strict=False)
            for change in self._columns(old, new, self.text("keys", key) if len(keys) > 1 else "")
        ]


def _objects(rows: Any, count: int) -> list[dict[str, Any]]:
    """Each row as an object; a table that stores one value for a row gets its column."""
    listed = rows if isinstance(rows, list) else [None] * count
    return [row if isinstance(row, dict) else {} if row is None else {"role": row} for row in listed]


def _ordered(detail: Mapping[str, Any]) -> list[str]:
    order = {name: number for number, name in enumerate(FIELDS)}
    return sorted(detail, key=lambda name: (order.get(name, len(order)), name))


def _typed(value: Any) -> Any:
    return date.fromisoformat(value) if isinstance(value, str) and DAY.fullmatch(value) else value


def _labelled(label: str, text: str) -> str:
    return _("%(label)s: %(text)s") % {"label": label, "text": text}


def _joined(texts: Any) -> str:
    return pgettext("between the changes of a rule", "; ").join(texts)


def _instant_of(name: str, at: datetime) -> str:
    if at.tzinfo is None:
        at = timezone.make_aware(at)
    if at.year >= FOR_EVER.year:
        return _("without an end")
    # A cut-off is the midnight after the last day, which would be read as the next day.
    return instant(at - timedelta(seconds=1) if name == "cutoff_at" else at)


def instant(at: datetime) -> str:
    """23 Nov 2026 12:00:00, in the zone in force: entries of one minute need their seconds."""
    local = timezone.localtime(at)
    return f"{date_format(local, pgettext('date format, with year and time', 'j M Y H:i'))}:{local:%S}"
