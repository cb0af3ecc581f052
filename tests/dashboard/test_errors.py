"""Error pages work without a database, which may be the cause. These tests must not touch one; only a 404 does."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.views.i18n import set_language

from apps.dashboard.views import errors
from tests.dashboard.strict import StrictClient, links, words


def _broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("on purpose")


def _away(request: HttpRequest) -> HttpResponse:
    raise OperationalError("the database went away, on purpose")


def _cut_off(request: HttpRequest) -> HttpResponse:
    raise DatabaseError("server closed the connection unexpectedly, on purpose")


urlpatterns = [
    path("broken/", errors.login_not_required(_broken)),
    path("away/", errors.login_not_required(_away)),
    path("cut-off/", errors.login_not_required(_cut_off)),
    path("400/", errors.bad_request),
    path("403/", errors.forbidden),
    path("429/", errors.too_many),
    path("503/", errors.unavailable),
    path("setlang/", set_language, name="set_language"),
]
handler500 = "apps.dashboard.views.errors.failed"
pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here() -> Iterator[None]:
    # These ask for the reader before any page is rendered; this test observes the page itself.
    asking = ("LoginRequiredMiddleware", "rate_limit.RateLimitMiddleware")
    others = [name for name in settings.MIDDLEWARE if not name.endswith(asking)]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=others):
        yield


@pytest.fixture
def reader() -> StrictClient:
    """A session that these pages must not read."""
    client = StrictClient(raise_request_exception=False)
    client.cookies["sessionid"] = "a" * 32
    return client


def test_our_own_fault_shows_a_number_that_stands_in_the_log(
    reader: StrictClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = reader.get("/broken/")
    assert answer.status_code == 500
    trouble = answer.context["trouble"]
    assert trouble in words(answer)
    (logged,) = [record for record in caplog.records if trouble in record.getMessage()]
    assert "on purpose" in str(logged.exc_info)


@pytest.mark.parametrize("address", ["/away/", "/cut-off/"])
def test_a_database_that_is_away_is_a_minute_and_not_a_fault(reader: StrictClient, address: str) -> None:
    answer = reader.get(address)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"


@pytest.mark.parametrize("status", [400, 403, 429, 503])
def test_each_no_is_a_page_in_both_languages(reader: StrictClient, status: int) -> None:
    english = reader.get(f"/{status}/")
    chinese = reader.get(f"/{status}/", headers={"accept-language": "zh-CN"})
    assert english.status_code == chinese.status_code == status
    assert "Go to the home page" in words(english)
    assert "返回首页" in words(chinese)
    assert b'name="language" value="zh-hans"' in english.content
    assert b'name="language" value="en"' in chinese.content


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_by_itself_can_be_tried_again(reader: StrictClient, status: int) -> None:
    assert f"/{status}/?q=1" in links(reader.get(f"/{status}/?q=1"))
    sent = reader.post(f"/{status}/?q=1")
    assert f"/{status}/?q=1" not in links(sent), "what was sent is sent again by going back, with all that was typed"
    assert b'name="next" value="/"' in sent.content
