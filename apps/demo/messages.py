"""What HR of the demo has written: the campaign's announcement, and a text for managers' reminders."""

from __future__ import annotations

import uuid

from apps.campaigns.announcements import AnnouncementDraft, publish_announcement, request_announcement
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.demo.accounts import account_at
from apps.demo.company import Company
from apps.notifications.reminders.approved_texts import add_text

ANNOUNCEMENT = AnnouncementDraft(
    title_en="Bring the people you work with", title_zh="邀请您的合作伙伴",
    text_en="Customers and partners reach us fastest on our messaging product. Please invite the people you work with, "
    "and record them here.\n\nIf you need help to reach your target, ask your manager. Thank you!",
    text_zh="在我们的即时通讯产品上，客户和合作伙伴能最快联系到我们。请邀请您的合作伙伴加入，并在这里登记。\n\n"
    "如果达成目标有困难，请与您的经理聊聊。谢谢大家！",
    speaker="Maria Lindgren", speaker_title_en="Chief Executive Officer", speaker_title_zh="首席执行官",
)  # fmt: skip


def publish(campaign: Campaign, company: Company) -> int:
    """One HR user requests the announcement, the other publishes it; returns its id."""
    first, second = (account_at(company, index).actor for index in company.hr)
    request = request_announcement(campaign=campaign, draft=ANNOUNCEMENT, key=uuid.uuid4(), by=first)
    return publish_announcement(announcement_id=request.pk, by=second).pk


def approve_text(by: Actor) -> int:
    """The text that managers of the demo can send; returns its id."""
    text = add_text(
        title="Shall we talk?", text_en="Do you need help to reach your target? Come and talk to us.",
        text_zh="达到目标需要帮忙吗？欢迎随时来聊聊。", by=by,
    )  # fmt: skip
    return text.pk
