"""Words of forecasts. Of one person's chance never a bare percentage, but a word, and how many of ten people."""

from dataclasses import dataclass
from math import floor

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.dashboard.labels.base import Text, number

# What a forecast rests on, by its basis.
BASES: dict[str, Text] = {
    "prior": gettext_lazy(
        "It rests on experience with other data. Until a campaign has ended here, it is a rough estimate."
    ),
    "campaign": gettext_lazy(
        "It learned from this campaign so far. Until a campaign has ended here, it is a rough estimate."
    ),
    "former": gettext_lazy("It learned from the last campaign that ended and from this one so far."),
}
# Outside of these, a count of ten people would sound certain.
ALMOST_ALL, ALMOST_NONE = 0.95, 0.05


@dataclass(frozen=True)
class Band:
    """A band of chance, from this many tenths on: a word inside a sentence, and the answer to "Will I make it?"."""

    tenths: int
    word: Text
    answer: Text


LIKELY = 7
BANDS = (
    Band(9, pgettext_lazy("chance", "very likely"), gettext_lazy("Very likely to reach %(target)s by the deadline")),
    Band(LIKELY, pgettext_lazy("chance", "likely"), gettext_lazy("Likely to reach %(target)s by the deadline")),
    Band(4, pgettext_lazy("chance", "about even"), gettext_lazy("About even whether you reach %(target)s in time")),
    Band(2, pgettext_lazy("chance", "unlikely"), gettext_lazy("Unlikely to reach %(target)s at this pace")),
    Band(0, pgettext_lazy("chance", "very unlikely"), gettext_lazy("Very unlikely to reach %(target)s at this pace")),
)


@dataclass(frozen=True)
class Chance:
    """A chance from 0 to 1 in words."""

    value: float

    @property
    def tenths(self) -> int:
        return floor(self.value * 10 + 0.5)

    @property
    def is_likely(self) -> bool:
        return self.tenths >= LIKELY

    @property
    def band(self) -> Band:
        return next(band for band in BANDS if self.tenths >= band.tenths)

    @property
    def people(self) -> str:
        """How many: "about 7 in 10"; never broken over two lines."""
        if self.value >= ALMOST_ALL:
            text = _("more than 9 in 10")
        elif self.value < ALMOST_NONE:
            text = _("fewer than 1 in 10")
        else:
            text = _("about %(tenths)s in 10") % {"tenths": self.tenths}
        return text.replace(" ", "\N{NO-BREAK SPACE}")


def span(low: int, high: int) -> str:
    """47–53, or one number where both ends are equal."""
    return number(low) if low == high else f"{number(low)}–{number(high)}"
