"""Erase a person outside the company from all of Hundred: their contacts (`erase_contacts`) and all free texts."""

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from django.conf import settings
from django.db import transaction
from psycopg2 import sql

from apps.accounts.models import ApiToken
from apps.campaigns.models import CampaignRule
from apps.contacts.models import Erasure
from apps.core.audit import Actor, audit
from apps.core.email_domains import normalise_domain
from apps.core.identity import Identity
from apps.core.models import StoredFile
from apps.core.sql import fetch_all, statement
from apps.exports.models import Export
from apps.privacy import erase_contacts, erasure_subject
from apps.privacy.erase_contacts import ERASED_TEXT
from apps.privacy.pii_patterns import PiiPattern
from apps.reviews.models import Review
from apps.roster.models import RosterImport

REVIEWS_THAT_MENTION = statement("privacy", "erasure", "reviews_that_mention")
NAMES_THAT_MENTION = statement("privacy", "erasure", "names_that_mention")
OWN_NAMES_THAT_MENTION = statement("privacy", "erasure", "own_names_that_mention")
ROWS_THAT_MENTION = statement("privacy", "erasure", "rows_that_mention")
ENTRIES_THAT_MENTION = statement("privacy", "erasure", "entries_that_mention")
# Names that users chose and that no function depends on: they become ERASED_TEXT. The third value is the owning
# account.
BLANKED_NAMES: tuple[tuple[Any, str, str], ...] = (
    (ApiToken, "name", "account_id"),
    (RosterImport, "file_name", "actor_id"),
    (StoredFile, "name", "owner_id"),
)
# Texts that never change or are not about contacts. The erasure only lists the rows that mention the person.
# A test compares this list with the columns of the database: a new text column must be named here or there.
KEPT_TEXTS = (
    ("campaigns_adjustmentrequest", "reason"),
    ("campaigns_adjustmentrequest", "kind_text"),
    ("campaigns_adjustmentrequest", "note"),
    ("campaigns_adjustmentrequest", "file_name"),
    ("campaigns_announcement", "title_en"),
    ("campaigns_announcement", "title_zh"),
    ("campaigns_announcement", "text_en"),
    ("campaigns_announcement", "text_zh"),
    ("campaigns_announcement", "speaker"),
    ("campaigns_announcement", "speaker_title_en"),
    ("campaigns_announcement", "speaker_title_zh"),
    ("campaigns_announcement", "withdrawal_reason"),
    ("results_resultcorrection", "reason"),
    ("results_resultcorrection", "evidence"),
    ("results_resultcorrection", "answer"),
    ("campaigns_campaign", "name"),
    ("campaigns_campaign", "slug"),
    ("campaigns_campaignrule", "reason"),
    ("exports_export", "filters"),
    ("exports_exportschedule", "filters"),
    ("results_frozenstanding", "name"),
    ("results_frozenstanding", "email"),
    ("results_frozenstanding", "department"),
    ("accounts_approvalrequest", "label"),
    ("accounts_approvalrequest", "payload"),
    ("accounts_approvalrequest", "reason"),
    ("accounts_approvalrequest", "note"),
    ("employees_employee", "name"),
    ("employees_employee", "email"),
    ("employees_employee", "phone"),
    ("employees_employee", "chat_id"),
    ("employees_placement", "department"),
    ("roster_rosterimportbefore", "before"),
    ("roster_rosterimport", "report"),
    ("roster_directoryuser", "document"),
    ("roster_directorygroup", "document"),
    ("mfa_authenticator", "data"),
    ("notifications_remindertext", "title"),
    ("notifications_remindertext", "text_en"),
    ("notifications_remindertext", "text_zh"),
    ("notifications_reminder", "text_en"),
    ("notifications_reminder", "text_zh"),
    ("notifications_webhookendpoint", "description"),
    ("contacts_erasure", "reason"),
    ("core_auditentry", "subject_label"),
    ("core_auditentry", "subject_id"),
    ("core_auditentry", "detail"),
    ("core_rowchange", "keys"),
    ("core_rowchange", "before"),
    ("core_rowchange", "after"),
)


@dataclass
class PersonErasure:
    """The data there is, or was, about a person: counts, and the texts that stay and mention them, as (table, id).

    `reviews`: those that mention them. `names`: names of tokens and files.
    """

    preview: erase_contacts.ErasurePreview
    reviews: int = 0
    names: int = 0
    kept_mentions: list[tuple[str, Any]] = field(default_factory=list)
    erasure: Erasure | None = None


def preview_person_erasure(identities: tuple[Identity, ...], *, by: Actor) -> PersonErasure:
    """Return how much data there is about a person. Changes nothing.

    Writes an audit entry, because the user learns personal data.
    """
    # The identities are not in the entry: the trail is kept for ever.
    audit("erasure.looked", by=by, kind="erasure", detail={"identities": len(identities)})
    return count_person_data(identities, search_files=True)


def count_person_data(identities: tuple[Identity, ...], *, search_files: bool = False) -> PersonErasure:
    """Return how much data there is about a person. Changes nothing. Searching the files takes minutes if many wait."""
    target = erasure_target(identities)
    records = erasure_subject.MatchedRecords.of(target)
    return PersonErasure(
        erase_contacts.preview_erasure(target, search_files=search_files),
        len(_reviews_that_mention(target.pattern.patterns)),
        len(_names_that_mention(records)),
        _kept_mentions(records.distinctive),
    )


def erase_person(identities: tuple[Identity, ...], *, reason: str, by: Actor) -> PersonErasure:
    """Erase a person everywhere. No count and no result changes. Raises Refused.

    While a file from before the objection is recorded, only the objection is stored: a second run erases.
    """
    erasure = erase_contacts.store_objection(erasure_target(identities), reason=reason, by=by)
    return finish_erasure(erasure, identities, by=by)


def finish_erasure(erasure: Erasure, identities: tuple[Identity, ...], *, by: Actor) -> PersonErasure:
    """Erase a person whose objection is committed. A second run erases what is left. Raises Refused."""
    target = erasure_target(identities)
    # Read the names before blanking, because they cannot be found afterwards.
    records = erasure_subject.MatchedRecords.of(target)
    preview = erase_contacts.finish_contact_erasure(target, erasure=erasure, by=by)
    reviews, names = _blank_reviews(target.pattern.patterns, by), _blank_names(records)
    return PersonErasure(preview, reviews, names, _kept_mentions(records.distinctive), erasure)


def kept_domains() -> frozenset[str]:
    """Return every current or former company domain of a campaign: none of them identifies an outside person."""
    listed = CampaignRule.objects.values_list("company_domains", flat=True)
    return frozenset(chain.from_iterable(listed)) | frozenset(map(normalise_domain, settings.COMPANY_EMAIL_DOMAINS))


def erasure_target(identities: tuple[Identity, ...]) -> erasure_subject.ErasureTarget:
    # Exports and roster files contain numbers and employees, no contacts.
    files = [*Export.objects.exclude(file=None).values_list("file", flat=True)]
    for column in ("file", "difference"):
        files += RosterImport.objects.exclude(**{column: None}).values_list(column, flat=True)
    return erasure_subject.ErasureTarget(identities, kept_domains(), tuple(files))


def _reviews_that_mention(patterns: list[str]) -> list[tuple[int, bool, bool]]:
    """Return (id, question mentions the person, answer mentions the person) for each review that does."""
    return fetch_all(REVIEWS_THAT_MENTION, {"patterns": patterns})


def _blank_reviews(patterns: list[str], by: Actor) -> int:
    reviews = _reviews_that_mention(patterns)
    with transaction.atomic():
        for review_id, question, answer in reviews:
            # Only the part that mentions the person: question and answer have different authors.
            blank = {"text": ERASED_TEXT} if question else {}
            Review.objects.filter(pk=review_id).update(**blank, **({"answer_text": ERASED_TEXT} if answer else {}))
            audit("review.erased", by=by, kind="review", id=review_id)
    return len(reviews)


def _names_that_mention(records: erasure_subject.MatchedRecords) -> list[tuple[Any, str, Any]]:
    """Return (model, column, id) of names that mention the person.

    The requested identities match in every row; names match only in rows of the account whose employee recorded them.
    """
    names: list[tuple[Any, str, Any]] = []
    for model, column, owner in BLANKED_NAMES:
        identifiers = {
            "table": sql.Identifier(model._meta.db_table), "column_name": sql.Identifier(column),
            "owner_column": sql.Identifier(owner),
        }  # fmt: skip
        everywhere, own = (sql.SQL(text).format(**identifiers) for text in (NAMES_THAT_MENTION, OWN_NAMES_THAT_MENTION))
        ids = fetch_all(everywhere, {"patterns": records.anywhere.patterns})
        for account, employee in records.accounts.items():
            ids += fetch_all(own, {"account": account, "patterns": records.distinctive_at(employee).patterns})
        names += [(model, column, row_id) for (row_id,) in dict.fromkeys(ids)]
    return names


def _blank_names(records: erasure_subject.MatchedRecords) -> int:
    names = _names_that_mention(records)
    with transaction.atomic():
        for model, column, row_id in names:
            model.objects.filter(pk=row_id).update(**{column: ERASED_TEXT})
    return len(names)


def _kept_mentions(pattern: PiiPattern) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for table, column in KEPT_TEXTS:
        template = ENTRIES_THAT_MENTION if table == "core_auditentry" else ROWS_THAT_MENTION
        query = sql.SQL(template).format(table=sql.Identifier(table), column_name=sql.Identifier(column))
        rows += [(table, row_id) for (row_id,) in fetch_all(query, {"patterns": pattern.patterns})]
    return list(dict.fromkeys(rows))
