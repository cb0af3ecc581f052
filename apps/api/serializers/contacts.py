"""The employee's own contacts: input, result, and how they are shown to that employee."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers.base import TEXT_LIMIT, CampaignQuery, Instant, Next, PageQuery, StrictSerializer
from apps.campaigns.rules import REASONS
from apps.contacts.drafts import Draft
from apps.contacts.models import EndReason, Source
from apps.core.identity import KINDS, NAME_LIMIT

MAX_CONTACTS = 500
COUNTS, NOT_COUNTING = "counts", "not_counting"
OUTCOMES = ("created", "duplicate", "invalid_identity", "objected", "not_external", "too_many_today")


class ContactsQuery(CampaignQuery, PageQuery):
    """Filters for the own contacts."""

    reason = serializers.ChoiceField(
        required=False,
        choices=[COUNTS, NOT_COUNTING, *REASONS],
        help_text=_("`counts`; `not_counting`: live, but for any reason not counted; or one reason."),
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a declared field is no attribute
        required=False, choices=Source.values, help_text=_("Only what came in this way.")
    )
    batch = serializers.UUIDField(
        required=False, help_text=_("Only what came with this file or request of yours; 404 for anybody else's.")
    )


class ContactSearchSerializer(ContactsQuery):
    """The search text. It is in the body since it may be a person's phone number, and addresses are logged."""

    q = serializers.CharField(max_length=TEXT_LIMIT, help_text=_("Part of a name, phone, e-mail or handle."))
    after = serializers.CharField(
        required=False, allow_null=True, help_text=_("What `next` of the page before said; not to be made up.")
    )


class IdentitySerializer(serializers.Serializer):
    """An identity of a contact."""

    kind = serializers.ChoiceField(choices=KINDS)
    value = serializers.CharField(allow_null=True, help_text=_("As it was understood; null after an erasure."))


class ContactSerializer(serializers.Serializer):
    """One contact, and whether it counts."""

    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True, allow_blank=True, help_text=_("Null after an erasure."))
    identities = serializers.SerializerMethodField()
    recorded_at = Instant(help_text=_("When it counts from."))
    confirmed_at = Instant(allow_null=True)
    ended_at = Instant(allow_null=True)
    end_reason = serializers.ChoiceField(choices=EndReason.values, allow_null=True)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # a declared field is no attribute
        choices=Source.values, help_text=_("The way it came in.")
    )
    counts = serializers.SerializerMethodField(help_text=_("Whether it counts in the campaign."))
    reason = serializers.SerializerMethodField(help_text=_("Why it does not count; null when it does."))

    def get_identities(self, contact: Any) -> list[dict[str, str | None]]:
        held = sorted(contact.identities.all(), key=lambda identity: identity.pk)
        return [{"kind": identity.kind, "value": identity.value} for identity in held]

    def get_counts(self, contact: Any) -> bool:
        return contact.reason == ""

    def get_reason(self, contact: Any) -> str | None:
        return contact.reason or None


class JudgedContactsSerializer(serializers.Serializer):
    """Own contacts, the newest first."""

    campaign = serializers.CharField(allow_null=True, help_text=_("Judged in this campaign; null: there is none."))
    as_of = Instant(help_text=_("Judged in the state just before this instant."))
    results = ContactSerializer(many=True)


class ContactPageSerializer(Next, JudgedContactsSerializer):
    """Own contacts, the newest first."""


class FoundContactsSerializer(JudgedContactsSerializer):
    """Own contacts that match a search, the newest first."""

    next = serializers.CharField(
        allow_null=True, help_text=_("Sent as `after` with the same search: the next page. Null on the last one.")
    )


class DraftSerializer(StrictSerializer):
    """A person to record, with at least one of phone, e-mail and handle."""

    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=NAME_LIMIT)
    phone = serializers.CharField(
        required=False, default="", allow_blank=True, help_text=_("International, or national in the company's region.")
    )
    email = serializers.CharField(required=False, default="", allow_blank=True)
    handle = serializers.CharField(
        required=False,
        default="",
        allow_blank=True,
        help_text=_("The name in the messaging product, with or without its @."),
    )


class DraftsSerializer(StrictSerializer):
    """Several persons to record in one request."""

    contacts = DraftSerializer(many=True, allow_empty=False, max_length=MAX_CONTACTS)  # type: ignore[call-arg]  # of the list


class RenameSerializer(StrictSerializer):
    """A new name; it has no effect on counting."""

    name = serializers.CharField(allow_blank=True, max_length=NAME_LIMIT)


class OutcomeSerializer(serializers.Serializer):
    """The result for one of the contacts sent."""

    index = serializers.IntegerField(help_text=_("Its place among those sent, from 0."))
    code = serializers.ChoiceField(choices=OUTCOMES)
    contact = serializers.IntegerField(allow_null=True, help_text=_("The id of the contact recorded."))
    existing_contact = serializers.IntegerField(
        allow_null=True, help_text=_("With `duplicate`: the own contact that has this identity already.")
    )
    field = serializers.CharField(allow_null=True, help_text=_("With `invalid_identity`: which part."))
    message = serializers.CharField(allow_blank=True, help_text=_("A sentence for people."))


class ReportSerializer(serializers.Serializer):
    """The result for all contacts sent."""

    created = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    outcomes = OutcomeSerializer(many=True, help_text=_("One for each contact sent, in the order sent."))


def draft_of(row: Mapping[str, str]) -> Draft:
    """A validated row as the draft that the services take."""
    return Draft(row["name"], tuple((kind, row[kind]) for kind in KINDS if row[kind]))
