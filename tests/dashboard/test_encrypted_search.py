"""Search texts of the own contacts are in no address: they may be phone numbers of people outside."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings

from apps.campaigns.models import Campaign
from apps.core import clock
from apps.dashboard import encrypted_search
from apps.employees.models import Employee
from tests import people, searching
from tests.canary import EMAIL, NAME, PHONE, SPELLED, signs_in
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
OVER = "This search has expired"


@pytest.fixture
def quokkas(alice: Employee, campaign: Campaign) -> None:
    """Sixty contacts of Alice with a unique name, and one other."""
    people.record_one(alice, ("phone", PHONE), name=NAME)
    for n in range(59):
        people.record_one(alice, ("email", f"{n}.{EMAIL}"), name=f"{NAME} {n}")
    people.record_one(alice, ("handle", "@somebody"), name="Somebody Else")


def addresses(answer: Any) -> list[str]:
    """The address of the redirect, and all addresses on the resulting page."""
    return [to for to, _status in getattr(answer, "redirect_chain", [])] + links(answer)


@pytest.mark.usefixtures("quokkas")
@pytest.mark.parametrize("typed", [NAME, SPELLED, PHONE, EMAIL, "quokka"])
def test_no_address_on_the_way_or_on_the_page_shows_what_was_searched_for(
    as_: SignIn, alice: Employee, typed: str
) -> None:
    answer = searching.search(as_(alice), typed, sort="name", reason="", campaign="november")
    assert "found" in words(answer)
    assert f'value="{typed}"' in answer.content.decode(), "what was typed is still in its field"
    assert signs_in("\n".join(addresses(answer))) == []
    assert len({to for to in addresses(answer) if "sought=" in to}) > 1, "else no address carries the search on"


@pytest.mark.usefixtures("quokkas")
def test_pages_chips_and_orders_carry_the_search_on(as_: SignIn, alice: Employee) -> None:
    client = as_(alice)
    first = searching.search(client, "quokka", sort="oldest", reason="counts", source="page")
    assert (first.context["matches"], len(first.context["page"].rows)) == (60, 20)
    second = client.get(first.context["page"].next)
    assert (second.context["matches"], len(second.context["page"].rows)) == (60, 20)
    last = client.get(second.context["page"].next)
    assert (last.context["matches"], len(last.context["page"].rows)) == (60, 20)
    chip = client.get(next(one["url"] for one in second.context["chips"] if one["label"] == "Active"))
    assert chip.context["matches"] == 60
    assert chip.context["filters"].query == second.context["filters"].query | {"reason": ""}
    assert client.get(second.context["page"].first).context["page"].rows == first.context["page"].rows


@pytest.mark.usefixtures("quokkas")
def test_the_form_leads_on_to_the_day_and_the_campaign_that_are_looked_at(as_: SignIn, alice: Employee) -> None:
    client = as_(alice)
    page = client.get("/contacts/?campaign=november&reason=counts")
    assert (
        '<form class="own-filters" method="post" action="/contacts/search/?campaign=november"' in page.content.decode()
    )
    led = client.post("/contacts/search/?campaign=november", {"q": "", "reason": "counts"}).headers["Location"]
    assert led == "/contacts/?campaign=november&reason=counts#list"


@pytest.mark.usefixtures("quokkas")
def test_an_old_bookmark_with_a_plain_text_shows_the_list(as_: SignIn, alice: Employee) -> None:
    answer = as_(alice).get("/contacts/?q=quokka")
    assert answer.context["matches"] == 61
    assert signs_in("\n".join(links(answer))) == []


@pytest.mark.usefixtures("quokkas")
@pytest.mark.parametrize("token", ["x", "é", "=" * 100, "gAAAAABk" + "A" * 112, "%F0%9F%90%BB"])
def test_what_cannot_be_read_searches_for_nothing_and_says_so(as_: SignIn, alice: Employee, token: str) -> None:
    answer = as_(alice).get(f"/contacts/?sought={token}&sort=name")
    assert answer.context["matches"] == 61
    assert OVER in words(answer)
    assert "sought=" not in "".join(links(answer))


@pytest.mark.usefixtures("quokkas")
def test_an_address_is_over_after_a_day(as_: SignIn, alice: Employee, noon: Clock) -> None:
    """It stays in a browser's history for longer, and must not work there."""
    client, address = as_(alice), searching.address(alice, "quokka")
    noon.set("2026-11-24T11:59:00+08:00")
    assert client.get(address).context["matches"] == 60
    noon.set("2026-11-24T12:01:00+08:00")
    late = client.get(address)
    assert late.context["matches"] == 61
    assert OVER in words(late)


@pytest.mark.usefixtures("quokkas")
def test_a_shared_address_does_not_reveal_the_search_text(as_: SignIn, alice: Employee, alan: Employee) -> None:
    answer = as_(alan).get(searching.address(alice, PHONE))
    assert OVER in words(answer)
    assert signs_in(answer.content.decode()) == []


def test_a_change_of_the_secret_key_keeps_todays_searches(
    alice: Employee, campaign: Campaign, settings: LazySettings
) -> None:
    now = clock.db_now()
    token = encrypted_search.encrypt_search(NAME, reader=alice, at=now)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another-key-" * 5
    with pytest.raises(encrypted_search.UnreadableToken):
        encrypted_search.decrypt_search(token, reader=alice, at=now)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert encrypted_search.decrypt_search(token, reader=alice, at=now + timedelta(hours=1)) == NAME


def test_two_searches_for_the_same_look_different(alice: Employee, campaign: Campaign) -> None:
    """Otherwise a reader of the log could see that a search was repeated, and guess phone numbers."""
    one, two = (searching.address(alice, NAME) for _time in range(2))
    assert one != two
    assert len(parse_qs(urlsplit(one).query)["sought"][0]) < 200


@pytest.mark.usefixtures("quokkas")
def test_a_search_from_elsewhere_is_refused(as_: SignIn, alice: Employee) -> None:
    client = as_(alice)
    client.handler.enforce_csrf_checks = True
    assert client.post("/contacts/search/", {"q": NAME}).status_code == 403
