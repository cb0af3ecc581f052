"""Labels for campaigns: the state, and the obstacles to a new one."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign, CampaignRule
from apps.dashboard.labels import base, rules
from apps.standings.campaign_lifecycle import OpeningPreview

LOOKS: dict[str, tuple[str, str]] = {
    "draft": ("", "pencil-line"),
    "open": ("brand-soft", "circle-play"),
    "closing": ("amber", "hourglass"),
    "frozen": ("", "stamp"),
    "cancelled": ("", "ban"),
}


@dataclass(frozen=True)
class State:
    """The state of a campaign, as a badge."""

    code: str

    @property
    def label(self) -> base.Text:
        return Campaign.State(self.code).label

    @property
    def colour(self) -> str:
        return LOOKS[self.code][0]

    @property
    def icon(self) -> str:
        return LOOKS[self.code][1]


def warnings(look: OpeningPreview) -> list[str]:
    """Warnings for HR before the opening."""
    sentences = [*overlaps(look.overlaps), *claims(look.rule)]
    if look.backdated:
        sentences.append(
            _("The deadline has passed already: it counts whatever is loaded, until somebody closes it by hand.")
        )
    if not look.people:
        sentences.append(_("Nobody is in it today: is the roster loaded, and are these the right departments?"))
    return sentences


def claims(rule: CampaignRule) -> list[str]:
    """What an exclusive campaign reveals."""
    if not rule.exclusive:
        return []
    return [
        _(
            "When an employee ends a contact, the person counts at once for the employee who recorded them next."
            " Readers of other employees' counts (HR and managers) can then see whose contact the person is."
        )
    ]


def overlaps(campaigns: list[Campaign]) -> list[str]:
    """A sentence for each open campaign with common days and people."""
    text = _("%(name)s is open until %(deadline)s: whoever is in both has two targets, and a contact counts in each.")
    return [text % {"name": campaign.name, "deadline": rules.cut_off(campaign.rule)} for campaign in campaigns]
