"""States that last for one picture: the page is loaded in them, and they end before the next page."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from playwright.sync_api import Page

from apps.campaigns.models import Campaign
from tests import judging, plugin

DRAWN = "() => [...document.querySelectorAll('[data-chart]')].every((box) => box.dataset.state === 'drawn')"


def announced(page: Page) -> None:
    """December's announcement is one of November."""
    _loaded(page, _announced())


def too_early(page: Page) -> None:
    """The forecast of the night is not made yet."""
    _loaded(page, _too_early())


def unjudged(page: Page) -> None:
    """How right the forecast was is still being calculated."""
    _loaded(page, _unjudged())


def _loaded(page: Page, state: AbstractContextManager[None]) -> None:
    with state:
        page.reload()
        # A chart asks for its figure when it comes into sight.
        for chart in page.locator("[data-chart]").all():
            chart.scroll_into_view_if_needed()
        page.wait_for_function(DRAWN)
    page.evaluate("scrollTo(0, 0)")


@contextmanager
def _announced() -> Iterator[None]:
    november, december = (Campaign.objects.get(slug=slug).pk for slug in ("m11", "m12"))
    # A published announcement cannot change, so its triggers are silent.
    move = (
        "SET session_replication_role = replica;"
        "UPDATE campaigns_announcement SET campaign_id = {} WHERE campaign_id = {} AND version = 1"
    )
    plugin.run_as_owner(move.format(november, december))
    try:
        yield
    finally:
        plugin.run_as_owner(move.format(december, november))


@contextmanager
def _too_early() -> Iterator[None]:
    move = "UPDATE forecasts_campaignforecast SET made_at = made_at {} interval '1 year'"
    plugin.run_as_owner(move.format("+"))
    try:
        yield
    finally:
        plugin.run_as_owner(move.format("-"))


@contextmanager
def _unjudged() -> Iterator[None]:
    plugin.run_as_owner("DELETE FROM forecasts_forecastaccuracy")
    try:
        yield
    finally:
        judging.judged(Campaign.objects.get(slug="m09"))
