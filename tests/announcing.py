"""Announcements, as tests request and publish them."""

import uuid
from typing import Any

from apps.campaigns.announcements import AnnouncementDraft, publish_announcement, request_announcement
from apps.campaigns.models import Announcement, Campaign
from apps.core.audit import Actor
from tests import people

TEXTS = {
    "title_en": "Why this matters", "title_zh": "为什么重要", "text_en": "Each of us knows somebody.\n\nThank you.",
    "text_zh": "我们每个人都认识这样的人。\n\n谢谢！", "speaker": "Li Wei",
    "speaker_title_en": "Chief Executive Officer", "speaker_title_zh": "首席执行官",
}  # fmt: skip


def draft(**values: Any) -> AnnouncementDraft:
    return AnnouncementDraft(**{**TEXTS, **values})


def requested(
    campaign: Campaign, *, by: Actor | None = None, key: uuid.UUID | None = None, **values: Any
) -> Announcement:
    """A version that one HR user requested, still waiting."""
    return request_announcement(
        campaign=campaign, draft=draft(**values), key=key or uuid.uuid4(), by=by or people.officer("asks")
    )


def published(
    campaign: Campaign, *, by: Actor | None = None, requested_by: Actor | None = None, **values: Any
) -> Announcement:
    """The same, published by another HR user."""
    request = requested(campaign, by=requested_by, **values)
    return publish_announcement(announcement_id=request.pk, by=by or people.officer("grants"))
