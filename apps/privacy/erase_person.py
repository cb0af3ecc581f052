"""Erase a person outside the company from all of Hundred: their contacts (`erase_contacts`) and all free texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from apps.accounts.models import ApiToken
from apps.campaigns.models import CampaignRule
from apps.contacts.models import Erasure
from apps.core.audit import Actor, audit
from apps.core.identity import Identity, normalise_domain
from apps.core.models import StoredFile
from apps.exports.models import Export
from apps.privacy import erase_contacts, erasure_subject
from apps.privacy.erase_contacts import ERASED_TEXT
from apps.privacy.pii_patterns import PiiPattern
from apps.reviews.models import Review
from apps.roster.models import RosterImport

# Names that users chose and that no function depends on: they become ERASED_TEXT. The third value is the owning
# account.
NAMES: tuple[tuple[Any, str, str], ...] = (
    (ApiToken, "name", "account_id"),
    (RosterImport, "file_name", "actor_id"),
    (StoredFile, "name", "owner_id"),
)
# Texts that never change or are not about contacts. The erasure only lists the rows that mention the person.
TEXTS = (
    ("campaigns_adjustmentrequest", "reason"),
    ("campaigns_adjustmentrequest", "kind_text"),
    ("campaigns_adjustmentrequest", "note"),
    ("campaigns_adjustmentrequest", "file_name"),
    ("results_resultcorrection", "reason"),
    ("results_resultcorrection", "evidence"),
    ("results_resultcorrection", "answer"),
    ("campaigns_campaign", "name"),
    ("campaigns_campaign", "slug"),
    ("campaigns_campaignrule", "reason"),
    ("exports_export", "filters::text"),
    ("results_frozenstanding", "name"),
    ("results_frozenstanding", "email"),
    ("results_frozenstanding", "department"),
    ("accounts_approvalrequest", "label"),
    ("accounts_approvalrequest", "payload::text"),
    ("accounts_approvalrequest", "reason"),
    ("accounts_approvalrequest", "note"),
    ("employees_employee", "name"),
    ("employees_employee", "email"),
    ("employees_employee", "phone"),
    ("employees_placement", "department"),
    ("roster_rosterimportbefore", "before::text"),
    ("roster_rosterimport", "report::text"),
    ("mfa_authenticator", "data::text"),
    ("contacts_erasure", "reason"),
    ("core_auditentry", "subject_label"),
    ("core_auditentry", "subject_id"),
    ("core_auditentry", "detail::text"),
    ("core_rowchange", "keys::text"),
    ("core_rowchange", "before::text"),
    ("core_rowchange", "after::text"),
)


@dataclass
class Erased:
    """The data there is, or was, about a person: counts, and the texts that stay and mention them, as (table, id).

    `texts`: reviews that mention them. `names`: names of tokens and files.
    """

    found: erase_contacts.ErasurePreview
    texts: int = 0
    names: int = 0
    elsewhere: list[tuple[str, Any]] = field(default_factory=list)
    erasure: Erasure | None = None


def preview_person_erasure(identities: tuple[Identity, ...], *, by: Actor) -> Erased:
    """Return how much data there is about a person. Changes nothing.

    Writes an audit entry, because the user learns personal data.
    """
    audit("erasure.looked", by=by, kind="erasure", detail={"identities": len(identities)})
    return find_person(identities)


def find_person(identities: tuple[Identity, ...]) -> Erased:
    """Return how much data there is about a person. Changes nothing."""
    whom = forgetting(identities)
    known = erasure_subject.MatchedRecords.of(whom)
    return Erased(
        erase_contacts.preview_erasure(whom),
        len(_reviews(whom.traces.patterns)),
        len(_named(known)),
        _elsewhere(known.telling),
    )


def erase_person(identities: tuple[Identity, ...], *, reason: str, by: Actor) -> Erased:
    """Erase a person everywhere. No count and no result changes. Raises ErasureRefused."""
    erasure = erase_contacts.object_to(forgetting(identities), reason=reason, by=by)
    return finish_erasure(erasure, identities, by=by)


def finish_erasure(erasure: Erasure, identities: tuple[Identity, ...], *, by: Actor) -> Erased:
    """Erase a person whose objection is committed. A second run erases what is left. Raises ErasureRefused."""
    whom = forgetting(identities)
    # Read the names before blanking, because they cannot be found afterwards.
    known = erasure_subject.MatchedRecords.of(whom)
    found = erase_contacts.finish(whom, erasure=erasure, by=by)
    texts, names = _blank_reviews(whom.traces.patterns, by), _blank_names(known)
    return Erased(found, texts, names, _elsewhere(known.telling), erasure)


def kept_domains() -> frozenset[str]:
    """Return every current or former company domain of a campaign: none of them identifies an outside person."""
    listed = CampaignRule.objects.values_list("company_domains", flat=True)
    return frozenset(chain.from_iterable(listed)) | {normalise_domain(one) for one in settings.COMPANY_EMAIL_DOMAINS}


def forgetting(identities: tuple[Identity, ...]) -> erasure_subject.ErasureTarget:
    # Exports and roster files contain numbers and employees, no contacts.
    spared = [*Export.objects.exclude(file=None).values_list("file", flat=True)]
    for column in ("file", "difference"):
        spared += RosterImport.objects.exclude(**{column: None}).values_list(column, flat=True)
    return erasure_subject.ErasureTarget(identities, kept_domains(), tuple(spared))


def _reviews(patterns: list[str]) -> list[tuple[int, bool, bool]]:
    """Return (id, question mentions the person, answer mentions the person) for each review that does."""
    return _ask(
        "SELECT id, text ~* ANY(%(of)s), answer_text ~* ANY(%(of)s) FROM (SELECT id, normalize(text, NFKC) AS text,"
        " normalize(answer_text, NFKC) AS answer_text FROM reviews_review) one"
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


def _named(known: erasure_subject.MatchedRecords) -> list[tuple[Any, str, Any]]:
    """Return (model, column, id) of names that mention the person.

    Identities match in every row; names match only in rows of accounts whose employees recorded the person.
    """
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


def _blank_names(known: erasure_subject.MatchedRecords) -> int:
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
