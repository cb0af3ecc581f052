"""Forgetting somebody outside, wherever the house may have written of them: contacts below, and the texts of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.contacts import services as contacts
from apps.contacts.models import Erasure
from apps.employees.models import RosterLoad
from apps.ledger.rules import Identity, normalise_domain
from apps.ledger.services import Actor, audit
from apps.quotas.models import CampaignRule, Export, Review

# What stands where somebody's question or an answer spoke of a person who was erased: the database lets nothing else
# be written there.
ERASED_TEXT = "[…]"
# Free texts that are part of a decision and never change: of these it is only told where the person stands.
TEXTS = (
    ("quotas_adjustmentrequest", "reason"),
    ("quotas_adjustmentrequest", "kind_text"),
    ("quotas_adjustmentrequest", "note"),
    ("quotas_adjustmentrequest", "file_name"),
    ("quotas_resultcorrection", "reason"),
    ("quotas_resultcorrection", "evidence"),
    ("quotas_resultcorrection", "answer"),
    ("quotas_campaignrule", "reason"),
    ("quotas_export", "filters::text"),
    ("ledger_auditentry", "detail::text"),
)


@dataclass
class Erased:
    """What there is, or was, of somebody: counts, and the decisions whose texts speak of them, as (table, id)."""

    found: contacts.Found
    texts: int = 0
    elsewhere: list[tuple[str, Any]] = field(default_factory=list)
    erasure: Erasure | None = None

    @property
    def anything(self) -> bool:
        found = self.found
        return bool(found.contacts or found.files or found.reports or found.busy or self.texts or self.elsewhere)


def look_for_person(identities: tuple[Identity, ...], *, by: Actor) -> Erased:
    """How much there is of somebody. Changes nothing, and leaves an entry: who looks learns of a person."""
    whom = _forgetting(identities)
    audit("erasure.looked", by=by, kind="erasure", detail={"identities": len(identities)})
    pattern = whom.traces.pattern
    return Erased(contacts.look_for(whom), len(_reviews(pattern)), _elsewhere(pattern))


def erase_person(identities: tuple[Identity, ...], *, reason: str, by: Actor) -> Erased:
    """Erase somebody everywhere. No count and no result moves. Raises ErasureRefused."""
    whom = _forgetting(identities)
    pattern = whom.traces.pattern
    erasure, found = contacts.erase(whom, reason=reason, by=by)
    return Erased(found, _blank_reviews(pattern, by), _elsewhere(pattern), erasure)


def kept_domains() -> frozenset[str]:
    """Every domain that is, or was, the company's in some campaign: it says of nobody outside who they are."""
    listed = CampaignRule.objects.values_list("company_domains", flat=True)
    return frozenset(chain.from_iterable(listed)) | {normalise_domain(one) for one in settings.COMPANY_EMAIL_DOMAINS}


def _forgetting(identities: tuple[Identity, ...]) -> contacts.Forgetting:
    # Files made of numbers and of the roster hold no contact.
    spared = [*Export.objects.exclude(file=None).values_list("file", flat=True)]
    spared += RosterLoad.objects.exclude(file=None).values_list("file", flat=True)
    return contacts.Forgetting(identities, kept_domains(), tuple(spared))


def _reviews(pattern: str) -> list[tuple[int, bool, bool]]:
    """(id, whether the question, whether the answer) speaks of somebody."""
    return _ask(
        "SELECT id, text ~* %(of)s, answer_text ~* %(of)s FROM (SELECT id, normalize(text, NFKC) AS text,"
        " normalize(answer_text, NFKC) AS answer_text FROM quotas_review) one"
        " WHERE text ~* %(of)s OR answer_text ~* %(of)s",
        {"of": pattern},
    )


def _blank_reviews(pattern: str, by: Actor) -> int:
    found = _reviews(pattern)
    with transaction.atomic():
        for review_id, asked, answered in found:
            blank = {"text": ERASED_TEXT} if asked else {}
            Review.objects.filter(pk=review_id).update(**blank, **({"answer_text": ERASED_TEXT} if answered else {}))
            audit("review.erased", by=by, kind="review", id=review_id)
    return len(found)


def _elsewhere(pattern: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for table, column in TEXTS:
        rows = _ask(f"SELECT id FROM {table} WHERE normalize({column}, NFKC) ~* %(of)s ORDER BY id", {"of": pattern})
        found += [(table, row_id) for (row_id,) in rows]
    return list(dict.fromkeys(found))


def _ask(statement: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
