"""The base of a chart card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apps.dashboard.charts import layout
from apps.dashboard.charts.svg_preview import render_svg
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext


class Cell(NamedTuple):
    text: str
    url: str = ""


@dataclass(frozen=True)
class ChartCard:
    """A chart on a page, which shows `preview_svg` at once; `url` is the address of the figure that replaces it.

    `more`: the link to the list or file behind the numbers, as (label, address). `live`: the chart follows the reader's
    own number while the page is open.
    """

    key: str
    title: str
    note: str
    url: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    figure: Callable[[], layout.Figure]
    legend: Sequence[tuple[str, str]] = ()
    size: str = ""
    live: bool = False
    finding: str = ""
    more: tuple[str, str] = ("", "")

    @property
    def heading(self) -> str:
        return f"chart-{self.key}"

    @property
    def preview_svg(self) -> SafeString:
        return SafeString(render_svg(self.figure()))  # nosec B703 # the figure's texts are escaped

    @property
    def summary(self) -> str:
        """The chart in words: the finding, what the chart shows, and its summary, or the table's first row cell by
        cell.
        """
        first = "; ".join(
            f"{name}: {cell.text}" for row in self.rows[:1] for name, cell in zip(self.header, row, strict=True)
        )
        return f"{self.title}. {self.note} {self.finding or first}".strip()


def cells(*values: object) -> list[Cell]:
    return [value if isinstance(value, Cell) else Cell(str(value)) for value in values]


def latest(scope: PageContext, count: int) -> str:
    """The label at a curve's end: for a past day it does not say "now"."""
    return base.number(count) if scope.day or scope.result else _("%(count)s now") % {"count": base.number(count)}


def past_days_note(scope: PageContext, *, lists: bool) -> str:
    """Why a past day of a chart may differ from what counted on that day; `lists`: a click opens the day's list."""
    if scope.result:
        text = _("Past days show contacts that count in the result.")
    elif scope.day:
        text = _("Earlier days show contacts that still counted on %(day)s.") % {"day": base.full_date(scope.day)}
    else:
        text = _("Past days show contacts that still count today.")
    return f"{text} {_('The list of a past day shows what counted then.')}" if lists else text


def day_axis(scope: PageContext) -> dict[str, Any]:
    """The arguments of a figure whose horizontal axis is the campaign's days."""
    rule = scope.rule
    return {"opens": rule.opens_on, "deadline": rule.deadline, "day_label": base.short_date, "day_text": base.full_date}
