"""Pages of the people that a decision affects, with a filter by whether they turn red."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from apps.accounts.access_log import log_single_result
from apps.dashboard.labels import adjustments
from apps.dashboard.views.page_context import PageContext

PAGE = 200


class OfEmployee(Protocol):
    """A row about one employee."""

    @property
    def employee_id(self) -> int: ...


Row = TypeVar("Row", bound=OfEmployee)


@dataclass(frozen=True)
class EffectPage:
    """One page of rows. `count`: the rows that `chips` selects; `total`: all of them; `first`: from 1."""

    rows: Sequence[Any]
    total: int
    count: int
    chips: list[dict[str, Any]]
    first: int
    previous: str
    next: str

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def effect_page(
    scope: PageContext, rows: Sequence[Row], red_change_of: Callable[[Row], str] | None, address: Callable[..., str],
    what: str,
) -> EffectPage:  # fmt: skip
    """The page of `rows` that the request asks for. `address(**query)`: the address of the list.

    `what` the rows show of their employees, for the access entry of a list of one.

    `red_change_of`: what the decision does to a row's standing (StandingEffect.red_change); None: no filter by it.
    """

    def link(**query: object) -> str:
        return address(**query) + "#people"

    counts = Counter(red_change_of(row) for row in rows) if red_change_of else Counter[str]()
    counts[""] = len(rows)
    chosen = scope.request.GET.get("turn", "") if red_change_of else ""
    listed = [row for row in rows if red_change_of(row) == chosen] if red_change_of and chosen else rows
    log_single_result(scope.user, {row.employee_id for row in listed}, what)
    text = scope.request.GET.get("page", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    # The list may have become shorter since the address was made.
    number = min(max(number, 1), max(-(-len(listed) // PAGE), 1))
    chips = [
        {"label": label, "count": counts[code], "url": link(turn=code), "is_current": code == chosen}
        for code, label in adjustments.RED_CHANGES.items()
        if red_change_of
    ]
    return EffectPage(
        listed[(number - 1) * PAGE : number * PAGE],
        len(rows),
        len(listed),
        chips,
        (number - 1) * PAGE + 1,
        link(turn=chosen, page=number - 1) if number > 1 else "",
        link(turn=chosen, page=number + 1) if number * PAGE < len(listed) else "",
    )
