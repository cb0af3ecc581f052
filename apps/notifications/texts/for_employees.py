"""The texts for employees, one function for each kind. What a person sends them names the sender."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from apps.core.sentences import join_sentences
from apps.notifications.facts import Facts
from apps.notifications.models import HelpOffer, Reminder
from apps.notifications.texts.content import Content, day_text, standing_lines, time_lines


def campaign_opened(facts: Facts, now: datetime) -> Content:
    summary = _("The campaign %(campaign)s has begun.") % {"campaign": facts.campaign}
    mentioned = (
        [_("Your page has an announcement.")] if facts.announcement_version and not facts.announcement_read else []
    )
    return Content(
        _("A campaign has begun"), summary, [*mentioned, *standing_lines(facts), *time_lines(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def announcement(facts: Facts, now: datetime) -> Content:
    # Not its text: a link in a mail in another person's name teaches readers to follow such links.
    summary = _("Your page has an announcement about %(campaign)s.") % {"campaign": facts.campaign}
    return Content(_("An announcement for you"), summary, action=_("Read the announcement"))


def rule_changed(facts: Facts, now: datetime) -> Content:
    summary = _("HR changed the rule of the campaign %(campaign)s.") % {"campaign": facts.campaign}
    details = [*standing_lines(facts), *time_lines(facts, now)]
    if facts.counted is None:
        # Without a standing after the evaluation, which the sender has waited for.
        details = [_("You are no longer part of this campaign.")]
    return Content(_("The rule of a campaign has changed"), summary, details, action=_("Open your page"))


def milestone_50(facts: Facts, now: datetime) -> Content:
    return _milestone(_("You reached half of your target in %(campaign)s."), facts, now)


def milestone_90(facts: Facts, now: datetime) -> Content:
    return _milestone(_("You reached 90 %% of your target in %(campaign)s."), facts, now)


def _milestone(summary: str, facts: Facts, now: datetime) -> Content:
    return Content(
        _("You came closer to your target"), summary % {"campaign": facts.campaign},
        [*standing_lines(facts), *time_lines(facts, now)], action=_("Open your page"),
    )  # fmt: skip


def milestone_100(facts: Facts, now: datetime) -> Content:
    summary = _("You reached your target in %(campaign)s. Thank you!") % {"campaign": facts.campaign}
    detail = _("It counts as long as these contacts count. Hundred notifies you if that changes.")
    return Content(_("You reached your target"), summary, [*standing_lines(facts), detail], action=_("Open your page"))


def turned_red(facts: Facts, now: datetime) -> Content:
    summary = _("You fell below your target in %(campaign)s.") % {"campaign": facts.campaign}
    lost = int(facts.data.get("was_counted", 0)) - int(facts.data.get("counted", 0))
    details = []
    if lost > 0:
        text = ngettext("%(number)s contact no longer counts.", "%(number)s contacts no longer count.", lost)
        details.append(join_sentences([text % {"number": lost}, _("Your contact list says why.")]))
    if int(facts.data.get("target", 0)) > int(facts.data.get("was_target", 0)):
        details.append(_("Your target was raised to %(target)s.") % {"target": facts.data["target"]})
    if facts.data.get("was_exempt"):
        details.append(_("Your exemption from the target has ended."))
    return Content(
        _("You fell below your target"), summary, [*details, *standing_lines(facts), *time_lines(facts, now)],
        page="contacts", action=_("Open your contacts"),
    )  # fmt: skip


def weekly(facts: Facts, now: datetime) -> Content:
    summary = _("You were behind the steady pace to your target in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(
        _("Your week in Hundred"), summary, [*standing_lines(facts), *time_lines(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def deadline(facts: Facts, now: datetime) -> Content:
    summary = _("The deadline of %(campaign)s was near, and you were below your target.") % {"campaign": facts.campaign}
    return Content(
        _("The deadline of a campaign is near"), summary, [*standing_lines(facts), *time_lines(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def adjustment_granted(facts: Facts, now: datetime) -> Content:
    summary = _("HR approved an adjustment of your target in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(_("Your target was adjusted"), summary, standing_lines(facts), action=_("Open your page"))


def adjustment_ended(facts: Facts, now: datetime) -> Content:
    summary = _("An adjustment of your target in %(campaign)s has ended.") % {"campaign": facts.campaign}
    return Content(
        _("An adjustment of your target has ended"), summary, standing_lines(facts), action=_("Open your page")
    )


def review_answered(facts: Facts, now: datetime) -> Content:
    summary = _("HR has answered your review request about your standing in %(campaign)s.") % {
        "campaign": facts.campaign
    }
    return Content(
        _("HR has answered your review request"), summary, page="review", action=_("Read the answer")
    )  # fmt: skip


def result_final(facts: Facts, now: datetime) -> Content:
    summary = _("The result of %(campaign)s is final.") % {"campaign": facts.campaign}
    check = _("The result is signed: your page shows the number that was signed and how to verify it.")
    details = [*standing_lines(facts), check]
    if until := facts.review_until():
        day = day_text(until)
        details.append(_("Until %(day)s you can ask HR for a review.") % {"day": day})
    return Content(_("The result of a campaign is final"), summary, details, action=_("Open your page"))


def chat_changed(facts: Facts, now: datetime) -> Content:
    summary = _("The roster now has another account for your chat messages.")
    # That of the change: at the sending the roster may have another one.
    account = facts.data.get("chat_id", facts.chat_id)
    details = [
        _("The account is %(account)s. Reminders and digests by chat go there.") % {"account": account}
        if account
        else _("The roster has no chat account for you now, so reminders and digests come by e-mail."),
        _("Your settings show the current account. If it is wrong, tell HR."),
    ]
    return Content(
        _("Your account for chat messages has changed"), summary, details, page="notification-settings",
        action=_("Open your settings"),
    )  # fmt: skip


def result_corrected(facts: Facts, now: datetime) -> Content:
    summary = _("HR corrected your result in %(campaign)s.") % {"campaign": facts.campaign}
    check = _("Your page shows the corrections of your result.")
    return Content(_("Your result was corrected"), summary, [*standing_lines(facts), check], action=_("Open your page"))


def import_finished(facts: Facts, now: datetime) -> Content:
    summary = _("The import of a contact file is finished. Its report says what was recorded.")
    return Content(
        _("Your import is finished"),
        summary,
        page="import-batch",
        args=[facts.subject_key],
        action=_("Open the report"),
    )


def reminder(facts: Facts, now: datetime) -> Content:
    role = Reminder.Role(facts.sender_role or Reminder.Role.HR).label
    summary = _("%(sender)s (%(role)s) reminds you of %(campaign)s.") % {
        "sender": facts.sender or "", "role": role, "campaign": facts.campaign,
    }  # fmt: skip
    reassurance = _("No one can see whether you have read this, and you do not need to reply.")
    return Content(
        _("A reminder"), summary, [*standing_lines(facts), *time_lines(facts, now), reassurance],
        action=_("Open your page"), quote=text_for(get_language(), facts.text_en or "", facts.text_zh or ""),
    )  # fmt: skip


def help_offered(facts: Facts, now: datetime) -> Content:
    offered = HelpOffer.Kind(facts.help_kind or HelpOffer.Kind.TALK).label
    summary = _("%(sender)s offers you help in %(campaign)s: %(help)s.") % {
        "sender": facts.sender or "", "campaign": facts.campaign, "help": offered,
    }  # fmt: skip
    detail = _("Your page has two buttons: accept, or not needed. You do not need to give a reason.")
    return Content(_("Help is offered to you"), summary, [detail], action=_("Open your page"))


def text_for(language: str | None, text_en: str, text_zh: str) -> str:
    return text_zh if (language or "").startswith("zh") else text_en
