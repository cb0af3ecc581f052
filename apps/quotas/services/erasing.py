"""Forgetting somebody outside, wherever Hundred may have written of them: contacts below, and the texts of people."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.contacts import services as contacts
from apps.contacts.models import Erasure
from apps.contacts.services import ERASED_TEXT
from apps.contacts.traces import PiiPattern
from apps.employees.models import ApiToken, RosterLoad
from apps.ledger.models import StoredFile
from apps.ledger.rules import Identity, normalise_domain
from apps.ledger.services import Actor, audit
from apps.quotas.models import CampaignRule, Export, Review

# Names that people chose, and that nothing depends on: they become ERASED_TEXT. Each with the account it belongs to.
NAMES: tuple[tuple[Any, str, str], ...] = (
    (ApiToken, "name", "account_id"),
    (RosterLoad, "file_name", "actor_id"),
    (StoredFile, "name", "owner_id"),
)
# Texts that never change, or that are not about contacts: of these it is only listed where the person stands.
TEXTS = (
    ("quotas_adjustmentrequest", "reason"),
    ("quotas_adjustmentrequest", "kind_text"),
    ("quotas_adjustmentrequest", "note"),
    ("quotas_adjustmentrequest", "file_name"),
    ("quotas_resultcorrection", "reason"),
    ("quotas_resultcorrection", "evidence"),
    ("quotas_resultcorrection", "answer"),
    ("quotas_campaign", "name"),
    ("quotas_campaign", "slug"),
    ("quotas_campaignrule", "reason"),
    ("quotas_export", "filters::text"),
    ("quotas_frozenstanding", "name"),
    ("quotas_frozenstanding", "email"),
    ("quotas_frozenstanding", "department"),
    ("employees_approvalrequest", "label"),
    ("employees_approvalrequest", "payload::text"),
    ("employees_approvalrequest", "reason"),
    ("employees_approvalrequest", "note"),
    ("employees_employee", "name"),
    ("employees_employee", "email"),
    ("employees_employee", "phone"),
    ("employees_placement", "department"),
    ("employees_rosterbefore", "before::text"),
    ("employees_rosterload", "report::text"),
    ("mfa_authenticator", "data::text"),
    ("contacts_erasure", "reason"),
    ("ledger_auditentry", "subject_label"),
    ("ledger_auditentry", "subject_id"),
    ("ledger_auditentry", "detail::text"),
    ("ledger_rowchange", "keys::text"),
    ("ledger_rowchange", "before::text"),
    ("ledger_rowchange", "after::text"),
)


@dataclass
class Erased:
    """What there is, or was, of somebody: counts, and the texts that stay and speak of them, as (table, id).

    `texts`: reviews that speak of them. `names`: names of tokens and files.
    """

    found: contacts.ErasurePreview
    texts: int = 0
    names: int = 0
    elsewhere: list[tuple[str, Any]] = field(default_factory=list)
    erasure: Erasure | None = None


def preview_person_erasure(identities: tuple[Identity, ...], *, by: Actor) -> Erased:
    """How much there is of somebody. Changes nothing, and leaves an entry: who looks learns of a person."""
    audit("erasure.looked", by=by, kind="erasure", detail={"identities": len(identities)})
    return find_person(identities)


def find_person(identities: tuple[Identity, ...]) -> Erased:
    """How much there is of somebody. Changes nothing."""
    whom = forgetting(identities)
    known = contacts.MatchedRecords.of(whom)
    return Erased(
        contacts.preview_erasure(whom),
        len(_reviews(whom.traces.patterns)),
        len(_named(known)),
        _elsewhere(known.telling),
    )


def erase_person(identities: tuple[Identity, ...], *, reason: str, by: Actor) -> Erased:
    """Erase somebody everywhere. No count and no result moves. Raises ErasureRefused."""
    erasure = contacts.object_to(forgetting(identities), reason=reason, by=by)
    return finish_erasure(erasure, identities, by=by)


def finish_erasure(erasure: Erasure, identities: tuple[Identity, ...], *, by: Actor) -> Erased:
    """Erase somebody whose objection is committed. Done again, it finds what is left. Raises ErasureRefused."""
    whom = forgetting(identities)
    # Learned before anything is blanked: afterwards nobody knows the names any more.
    known = contacts.MatchedRecords.of(whom)
    found = contacts.finish(whom, erasure=erasure, by=by)
    texts, names = _blank_reviews(whom.traces.patterns, by), _blank_names(known)
    return Erased(found, texts, names, _elsewhere(known.telling), erasure)


def kept_domains() -> frozenset[str]:
    """Every domain that is, or was, the company's in some campaign: it says of nobody outside who they are."""
    listed = CampaignRule.objects.values_list("company_domains", flat=True)
    return frozenset(chain.from_iterable(listed)) | {normalise_domain(one) for one in settings.COMPANY_EMAIL_DOMAINS}


def forgetting(identities: tuple[Identity, ...]) -> contacts.ErasureTarget:
    # Files made of numbers and of the roster hold no contact.
    spared = [*Export.objects.exclude(file=None).values_list("file", flat=True)]
    spared += RosterLoad.objects.exclude(file=None).values_list("file", flat=True)
    return contacts.ErasureTarget(identities, kept_domains(), tuple(spared))


def _reviews(patterns: list[str]) -> list[tuple[int, bool, bool]]:
    """(id, whether the question, whether the answer) speaks of somebody."""
    return _ask(
        "SELECT id, text ~* ANY(%(of)s), answer_text ~* ANY(%(of)s) FROM (SELECT id, normalize(text, NFKC) AS text,"
        " normalize(answer_text, NFKC) AS answer_text FROM quotas_review) one"
        " WHERE text ~* ANY(%(of)s) OR answer_text ~* ANY(%(of)s)",
        {"of": patterns},
    )


def _blank_reviews(patterns: list[str], by: Actor) -> int:
    found = _reviews(patterns)
    with transaction.atomic():
        for review_id, asked, answered in found:
            blank = {"text": ERASED_TEXT} if asked else {}
            Review.objects.filter(pk=review_id).update(**blank, **({"answer_text": ERASED_TEXT} if answered else {}))
            audit("review.erased", by=by, kind="review", id=review_id)
    return len(found)


def _named(known: contacts.MatchedRecords) -> list[tuple[Any, str, Any]]:
    """(model, column, id) of names that show somebody: an identity anywhere, a name with who recorded them."""
    found: list[tuple[Any, str, Any]] = []
    for model, column, owner in NAMES:
        rows = _ask(
            f"""SELECT id FROM {model._meta.db_table} WHERE normalize({column}, NFKC) ~* ANY(%(anywhere)s)
                OR {owner} = ANY(%(accounts)s) AND normalize({column}, NFKC) ~* ANY(%(telling)s) ORDER BY id""",
            {
                "anywhere": known.anywhere.patterns, "telling": known.telling.patterns,
                "accounts": sorted(known.accounts),
            },
        )  # fmt: skip
        found += [(model, column, row_id) for (row_id,) in rows]
    return found


def _blank_names(known: contacts.MatchedRecords) -> int:
    found = _named(known)
    with transaction.atomic():
        for model, column, row_id in found:
            model.objects.filter(pk=row_id).update(**{column: ERASED_TEXT})
    return len(found)


def _elsewhere(traces: PiiPattern) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for table, column in TEXTS:
        rows = _ask(
            f"SELECT id FROM {table} WHERE normalize({column}, NFKC) ~* ANY(%(of)s) ORDER BY id",
            {"of": traces.patterns},
        )
        found += [(table, row_id) for (row_id,) in rows]
    return list(dict.fromkeys(found))


def _ask(statement: str, values: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
