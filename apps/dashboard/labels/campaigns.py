"""Labels for campaigns: the state, and the obstacles to a new one."""

from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign, CampaignRule
from apps.dashboard.labels import base, rules
from apps.standings.campaign_lifecycle import OpeningPreview

_BADGES: dict[str, tuple[str, str]] = {
    "draft": ("", "pencil-line"),
    "open": ("brand-soft", "circle-play"),
    "closing": ("amber", "hourglass"),
    "frozen": ("", "stamp"),
    "cancelled": ("", "ban"),
}


def state_of(campaign: Campaign) -> base.Badge:
    return base.Badge(campaign.state, Campaign.State(campaign.state).label, *_BADGES[campaign.state])


def warnings(preview: OpeningPreview, newest: Campaign | None) -> list[str]:
    """What HR should check before an opening; `newest` is the campaign before it."""
    sentences = [*overlaps(preview.overlaps), *claims(preview.rule)]
    if newest and newest.rule.time_zone != preview.rule.time_zone:
        text = _("This campaign uses the time zone %(zone)s. The last campaign, %(name)s, used %(other)s.")
        names = {"zone": preview.rule.time_zone, "name": newest.name, "other": newest.rule.time_zone}
        sentences.insert(0, text % names)
    if preview.backdated:
        sentences.append(
            _("The deadline has already passed. Data imported before HR closes the campaign still counts.")
        )
    if not preview.people:
        sentences.append(
            _("The campaign has no employees today. Check that the roster is loaded and the departments are right.")
        )
    return sentences


def claims(rule: CampaignRule) -> list[str]:
    """What an exclusive campaign reveals."""
    if not rule.exclusive:
        return []
    return [
        _(
            "When an employee ends a contact, the person immediately counts for the employee who recorded them "
            "next. HR and managers see these counts and could work out whose contact the person is."
        )
    ]


def overlaps(campaigns: list[Campaign]) -> list[str]:
    """A sentence for each open campaign with common days and people."""
    text = _(
        "%(name)s is open until %(deadline)s. People in both campaigns have two targets, and a contact counts in both."
    )
    return [text % {"name": campaign.name, "deadline": rules.cut_off(campaign.rule)} for campaign in campaigns]
