"""Rate limits. Without them a guesser can try for ever; with wrong ones, other people are locked out."""

import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client

from apps.accounts.models import Scope
from apps.campaigns.models import Campaign
from apps.core import concurrency, locks, rate_limits
from apps.core.concurrency import MAX_CONCURRENT
from apps.core.rate_limits import CountersUnavailable, Kind, RateLimited, account_key, address_key, enforce_rate_limit
from apps.dashboard import urls as dashboard_urls
from apps.dashboard.middleware import rate_limit
from apps.employees.models import Employee
from tests import people, plugin
from tests.api.conftest import with_token
from tests.brokers import Valkey

pytestmark = pytest.mark.django_db
NOTHING = {kind.value: "off" for kind in Kind}


@pytest.fixture
def limits(settings: Any) -> Any:
    """Set limits by kind; others are unlimited. The counters are new and local to this process."""
    rate_limits._counters.cache_clear()
    cache.clear()

    def set_limits(**limited: str) -> None:
        settings.RATES = NOTHING | limited

    yield set_limits
    rate_limits._counters.cache_clear()


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    folder = Path(tempfile.mkdtemp(prefix="rates-", dir=plugin.PATHS.data))
    folder.chmod(0o777)
    server = Valkey(folder)
    server.start()
    yield server
    # A connection that is dropped without closing fails whichever test runs at that moment.
    rate_limits._counters(server.url).windows.storage.storage.close()
    server.stop()


def guess(address: str = "203.0.113.1", **headers: str) -> Any:
    return Client().post("/login/", {"username": "A001", "password": "wrong"}, REMOTE_ADDR=address, **headers)


def test_only_the_guesser_has_to_wait(limits: Any, alice: Employee) -> None:
    limits(sign_in="3/minute")
    assert [guess().status_code for _try in range(3)] == [200, 200, 200]
    refused = guess()
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert guess("203.0.113.2").status_code == 200


def test_a_guesser_cannot_take_other_addresses_by_a_header(limits: Any, settings: Any, alice: Employee) -> None:
    limits(sign_in="1/minute")
    tries = [guess(HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").status_code for number in range(3)]
    assert tries == [200, 429, 429]


def test_behind_our_proxy_each_client_has_its_own_address(limits: Any, settings: Any, alice: Employee) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    limits(sign_in="1/minute")
    tries = [guess("10.0.0.1", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").status_code for number in range(3)]
    assert tries == [200, 200, 200]
    lied = [guess("10.0.0.1", HTTP_X_FORWARDED_FOR=f"1.1.1.{n}, 198.51.100.9").status_code for n in range(2)]
    assert lied == [200, 429]


@pytest.mark.parametrize(
    ("limit", "ask"),
    [
        ("read", lambda client: client.get("/")),
        ("write", lambda client: client.post("/contacts/add/", {})),
        ("upload", lambda client: client.post("/contacts/import/", {})),
    ],
)
def test_a_person_is_limited_by_who_they_are_and_not_by_where(
    limits: Any, limit: str, ask: Any, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    limits(**{limit: "1/minute"})
    hers, again, his = (people.sign_in(Client(), one) for one in (alice, alice, alan))
    assert ask(hers).status_code != 429
    refused = ask(again)
    assert refused.status_code == 429
    assert refused["Retry-After"]
    assert "no-store" in refused["Cache-Control"]
    assert ask(his).status_code != 429


def test_programs_are_limited_by_whose_token_it_is(
    limits: Any, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    limits(read="1/minute")
    first, second, other = (
        with_token(one, Scope.OWN, name=name) for one, name in ((alice, "a"), (alice, "b"), (alan, "c"))
    )
    assert first.call("GET", "me/standing/").status_code == 200
    refused = second.call("GET", "me/standing/")
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:hundred:problem:throttled"
    assert int(refused["Retry-After"]) >= 1
    assert other.call("GET", "me/standing/").status_code == 200


def test_guessing_tokens_is_guessing(limits: Any) -> None:
    limits(sign_in="2/minute")
    tries = [
        Client().get("/api/v1/me/standing/", headers={"Authorization": f"Bearer hnd_{number}"}).status_code
        for number in range(3)
    ]
    assert tries == [401, 401, 429]


@pytest.mark.parametrize("kind", ["stranger", "sign_in", "read"])
def test_an_unknown_address_of_the_api_counts_like_a_known_one(limits: Any, alice: Employee, kind: str) -> None:
    """Else addresses are tried and tokens guessed there without limit."""
    limits(**{kind: "2/minute"})
    headers = {"sign_in": {"Authorization": "Bearer hnd_0"}}.get(kind, {})
    client = people.sign_in(Client(), alice) if kind == "read" else Client()
    tries = [client.get("/api/v1/nowhere/", headers=headers).status_code for _ in range(3)]
    assert tries[0] == tries[1] != 429
    assert tries[2] == 429


def test_anonymous_requests_are_limited_by_address(limits: Any) -> None:
    limits(stranger="2/minute")
    asked = [Client().get(path).status_code for path in ("/login/", "/api/v1/standings/", "/login/")]
    assert asked == [200, 401, 429]
    assert Client().get("/api/v1/schema/").status_code == 429
    assert Client().get("/health/live").status_code == 200, "a monitor would take the house for dead"


def test_at_once_no_two_pass_on_one_place(limits: Any, settings: Any, valkey: Valkey) -> None:
    """Against real counters, as processes share them."""
    limits(write="50/minute")
    settings.RATES_STORAGE = valkey.url
    gate = threading.Barrier(8)

    def ask(_number: int) -> int:
        gate.wait()
        passed = 0
        for _try in range(20):
            try:
                enforce_rate_limit(Kind.WRITE, account_key(1))
                passed += 1
            except RateLimited:
                continue
        return passed

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(8))) == 50


def test_without_counters_pages_open_but_sign_ins_are_refused(
    limits: Any, settings: Any, valkey: Valkey, alice: Employee, campaign: Campaign
) -> None:
    limits(sign_in="100/minute", read="100/minute", write="100/minute")
    settings.RATES_STORAGE = valkey.url
    signed_in = people.sign_in(Client(), alice)
    assert guess().status_code == 200
    valkey.kill()
    refused = guess()
    assert refused.status_code == 503
    assert refused["Retry-After"]
    assert signed_in.get("/").status_code == 200
    assert signed_in.post("/contacts/add/", {}).status_code == 422
    with pytest.raises(CountersUnavailable):
        enforce_rate_limit(Kind.SIGN_IN, "address 203.0.113.1")
    valkey.start()
    assert guess().status_code == 200, "the counters are back, and nobody can sign in"


def test_hanging_counters_delay_no_request(limits: Any, settings: Any, valkey: Valkey) -> None:
    limits(sign_in="100/minute", read="100/minute")
    settings.RATES_STORAGE = valkey.url
    enforce_rate_limit(Kind.READ, account_key(1))
    valkey.pause()
    with pytest.raises(CountersUnavailable):
        enforce_rate_limit(Kind.SIGN_IN, "address 203.0.113.1")
    asked: list[str] = []
    windows = rate_limits._counters(valkey.url).windows
    windows.hit = lambda *_key, **_cost: asked.append("asked") or True  # type: ignore[method-assign]
    enforce_rate_limit(Kind.READ, account_key(1))
    assert asked == [], "each page would wait for counters that have just not answered"
    valkey.resume()


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("203.0.113.1", "address 203.0.113.1"),
        ("2001:db8:1:2:3:4:5:6", "address 2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::9", "address 2001:db8:1:2::"),
        ("::ffff:203.0.113.1", "address 203.0.113.1"),
        ("", "address "),
        ("no address " * 20, "address " + ("no address " * 20)[:60]),
    ],
)
def test_an_ipv6_customer_is_one(remote: str, name: str) -> None:
    """An owner of 2^64 addresses would otherwise have as many tries."""
    assert address_key(remote) == name


@contextmanager
def taken(kind: Kind | str, account: Any, places: int = MAX_CONCURRENT) -> Iterator[None]:
    """As many requests of this person are being answered by other web processes."""
    place_kind = kind.value if isinstance(kind, Kind) else kind
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            for place in range(places):
                name = f"{place_kind}:{account_key(account.pk)}:{place}"
                cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
                assert cursor.fetchone() == (True,), "the place is taken"
            yield
    finally:
        other.close()


EXPORTS = [
    "/contacts/export.csv", "/contacts/export.vcf", "/exports/my-standing.csv", "/team/A001/standings.csv",
    "/api/v1/contacts/?limit=500", "/api/v1/standings/?limit=101", "/api/v1/contacts/?limit=%2B500",
    "/api/v1/contacts/?limit=500.0", "/api/v1/contacts/?limit=5_00", "/api/v1/contacts/?limit=%D9%A5%D9%A0%D9%A0",
]  # fmt: skip


def status(client: Client, address: str) -> int:
    """The status of an answer that is read to its end."""
    answer = client.get(address)
    if answer.streaming:
        b"".join(answer.streaming_content)
    return answer.status_code


@pytest.mark.parametrize("address", EXPORTS)
def test_exports_and_long_pages_are_counted_for_themselves(
    limits: Any, address: str, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    limits(export="1/minute")
    hers, his = (people.sign_in(Client(), one) for one in (alice, alan))
    assert [status(hers, address) != 429 for _time in range(2)] == [True, False]
    assert status(his, address) != 429
    assert {hers.get(path).status_code for path in ("/", "/contacts/", "/api/v1/contacts/?limit=100")} == {200}


def test_a_stored_export_is_counted_as_an_export(limits: Any, hr: Employee, campaign: Campaign) -> None:
    limits(export="2/minute")
    client = people.sign_in(Client(), hr)
    form = {"form": "csv", "sort": "staff_no"}
    asked = [client.post("/exports/new/standings/", form | {"key": str(uuid.uuid4())}) for _time in range(3)]
    assert [response.status_code for response in asked] == [302, 302, 429]


def test_the_check_for_an_empty_file_is_counted_as_an_export(limits: Any, hr: Employee, campaign: Campaign) -> None:
    """It reads as much as the file does: one account could otherwise ask it without end."""
    limits(export="2/minute")
    client = people.sign_in(Client(), hr)
    form = {"form": "csv", "sort": "staff_no", "q": "no such name", "key": str(uuid.uuid4())}
    asked = [client.post("/exports/new/standings/", form).status_code for _time in range(3)]
    assert asked == [422, 422, 429]


def test_every_download_that_a_request_builds_is_counted_as_an_export() -> None:
    stored = {"adjustments-template", "roster-template", "adjustments-rejected", "import-rejects", "roster-difference"}
    stored |= {"corrections-template", "corrections-rejected"}
    files = {
        route.name for route in dashboard_urls.urlpatterns if str(route.pattern).endswith((".csv", ".vcf", ".sig"))
    }
    assert files - stored == rate_limit.EXPORTS


@pytest.mark.parametrize("address", EXPORTS)
def test_two_exports_of_a_person_are_made_at_once(
    limits: Any, address: str, alice: Employee, campaign: Campaign
) -> None:
    """A web process has four threads: with eight exports of one person every page waited for twenty seconds."""
    limits(export="1000/minute")
    client = people.sign_in(Client(), alice)
    with taken(Kind.EXPORT, alice.account):
        refused = client.get(address)
        assert (refused.status_code, refused["Retry-After"]) == (429, "2")
        assert client.get("/contacts/").status_code == 200
    with taken(Kind.EXPORT, alice.account, places=1):
        assert status(client, address) != 429


def test_a_streamed_export_holds_its_place_until_it_is_sent(limits: Any, alice: Employee, campaign: Campaign) -> None:
    limits(export="1000/minute")
    sent = people.sign_in(Client(), alice).get("/contacts/export.vcf")
    with pytest.raises(AssertionError, match="the place is taken"), taken(Kind.EXPORT, alice.account, places=1):
        pass
    b"".join(sent.streaming_content)
    with taken(Kind.EXPORT, alice.account):
        pass


def test_people_are_counted_and_not_only_requests(
    limits: Any, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    """Refused people cost as much as recorded ones, and are no part of the day's limit."""
    limits(people="10/minute")
    hers, his = (with_token(one, Scope.OWN, name="a") for one in (alice, alan))
    body = {"contacts": [{"phone": f"{n}"} for n in range(4)]}
    assert [hers.call("POST", "contacts/", body).status_code for _time in range(3)] == [200, 200, 429]
    assert his.call("POST", "contacts/", body).status_code == 200
    browser = people.sign_in(Client(), alice)
    sent = {"name": "", "reach": "\n".join(f"@guest{n}" for n in range(4)), "key": str(uuid.uuid4())}
    refused = browser.post("/contacts/add/", sent)
    assert (refused.status_code, int(refused["Retry-After"]) > 0) == (429, True)


def test_a_list_is_counted_before_it_is_looked_at(limits: Any, alice: Employee, campaign: Campaign) -> None:
    limits(people="10/minute")
    client = with_token(alice, Scope.OWN, name="a")
    body = {"contacts": [{"nonsense": n} for n in range(600)]}
    assert [client.call("POST", "contacts/", body).status_code for _time in range(2)] == [400, 429]


def test_two_long_lists_of_a_person_are_recorded_at_once(limits: Any, alice: Employee, campaign: Campaign) -> None:
    limits(people="1000/minute")
    client = with_token(alice, Scope.OWN, name="a")
    long, short = ({"contacts": [{"phone": f"{n}"} for n in range(people)]} for people in (51, 50))
    with taken(Kind.PEOPLE, alice.account):
        refused = client.call("POST", "contacts/", long)
        assert (refused.status_code, refused["Retry-After"]) == (429, "2")
        assert client.call("POST", "contacts/", short).status_code == 200
    assert client.call("POST", "contacts/", long).status_code == 200
    with taken(Kind.PEOPLE, alice.account):
        pass


def test_the_people_of_a_day_are_limited_duplicates_included(
    limits: Any, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    """Otherwise one account stores rows and outcomes without end, by the same list sent again all day."""
    limits(people="1000/minute", people_daily="100/day")
    client = with_token(alice, Scope.OWN, name="a")
    sent = {"contacts": [{"handle": f"@guest{n}"} for n in range(40)]}
    assert [client.call("POST", "contacts/", sent).status_code for _again in range(3)] == [201, 200, 429]
    page = people.sign_in(Client(), alice)
    pasted = "\n".join(f"@more{n}" for n in range(30))
    assert page.post("/contacts/add/", {"name": "", "reach": pasted, "key": str(uuid.uuid4())}).status_code == 429
    assert with_token(alan, Scope.OWN, name="b").call("POST", "contacts/", sent).status_code == 201


def test_the_changes_of_contacts_of_a_day_are_limited_on_pages_and_in_the_api(
    limits: Any, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    """Otherwise one account writes hundreds of thousands of lasting audit entries a day, by an end and its restore."""
    hers, his = (people.record_one(one, people.outsider()).outcomes[0].contact_id for one in (alice, alan))
    limits(changes_daily="5/day")
    page, program = people.sign_in(Client(), alice), with_token(alice, Scope.OWN, name="a")
    assert page.post(f"/contacts/{hers}/end/").status_code == 302
    assert page.post(f"/contacts/{hers}/restore/").status_code == 302
    assert page.post(f"/contacts/{hers}/rename/", {"name": "Wei"}).status_code == 302
    assert program.call("POST", f"contacts/{hers}/end/").status_code == 200
    assert program.call("POST", f"contacts/{hers}/restore/").status_code == 200
    refused = [program.call("POST", f"contacts/{hers}/end/"), program.call("PATCH", f"contacts/{hers}/", {"name": "W"})]
    refused += [
        page.post(f"/contacts/{hers}/{step}/") for step in ("end", "restore", "rename", "correct", "record-again")
    ]
    assert [(one.status_code, int(one["Retry-After"]) > 0) for one in refused] == [(429, True)] * 7
    assert page.get("/contacts/").status_code == 200
    assert with_token(alan, Scope.OWN, name="b").call("POST", f"contacts/{his}/end/").status_code == 200


ORDINARY = [("GET", "/"), ("GET", "/charts/me.json"), ("POST", "/contacts/add/"), ("GET", "/contacts/export.csv")]
ORDINARY += [("GET", "/api/v1/me/standing/"), ("POST", "/api/v1/contacts/search/")]


@pytest.mark.parametrize(("method", "address"), ORDINARY)
def test_a_person_never_takes_all_web_threads(
    settings: Any, method: str, address: str, alice: Employee, alan: Employee, campaign: Campaign
) -> None:
    """With sixteen slow requests of one person, every page of everybody else waited for twenty seconds."""
    settings.MAX_REQUESTS_AT_ONCE = 4
    hers, his = (people.sign_in(Client(), one) for one in (alice, alan))
    with taken("request", alice.account, places=4), taken("waiting", alice.account, places=2):
        refused = hers.generic(method, address)
        assert (refused.status_code, refused["Retry-After"]) == (429, "2")
        assert his.generic(method, address).status_code != 429
        assert hers.get("/health/live").status_code == 200
    answer: Any = hers.generic(method, address)
    assert answer.status_code != 429
    if answer.streaming:
        b"".join(answer.streaming_content)
    with taken("request", alice.account, places=4), taken("waiting", alice.account, places=2):
        pass


def test_a_session_and_a_token_of_a_person_share_the_places(settings: Any, alice: Employee, campaign: Campaign) -> None:
    settings.MAX_REQUESTS_AT_ONCE = 1
    program = with_token(alice, Scope.OWN, name="a")
    with taken("request", alice.account, places=1):
        assert program.call("GET", "me/standing/").status_code == 429
        assert people.sign_in(Client(), alice).get("/").status_code == 429


def test_a_browser_that_loads_many_charts_waits_for_a_place(
    settings: Any, monkeypatch: pytest.MonkeyPatch, alice: Employee, campaign: Campaign
) -> None:
    settings.MAX_REQUESTS_AT_ONCE = 4
    client = people.sign_in(Client(), alice)
    with ExitStack() as busy:
        busy.enter_context(taken("request", alice.account, places=4))
        patience = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _seconds: busy.close())
        monkeypatch.setattr(concurrency, "time", patience)
        assert client.get("/charts/me.json").status_code == 200


def test_requests_of_a_person_that_wait_are_few(settings: Any, alice: Employee, campaign: Campaign) -> None:
    """Each waits in a web thread."""
    settings.MAX_REQUESTS_AT_ONCE = 4
    client = people.sign_in(Client(), alice)
    with taken("request", alice.account, places=4), taken("waiting", alice.account, places=2):
        before = time.monotonic()
        assert client.get("/").status_code == 429
        assert time.monotonic() - before < 0.5


def test_a_database_that_is_lost_after_the_answer_takes_none_back(
    settings: Any, monkeypatch: pytest.MonkeyPatch, alice: Employee, campaign: Campaign
) -> None:
    settings.MAX_REQUESTS_AT_ONCE = 4
    client, ask = people.sign_in(Client(), alice), locks._query_bool

    def lost(statement: str, parameters: Any) -> bool:
        if "unlock" in statement:
            raise OperationalError("server closed the connection unexpectedly")
        return ask(statement, parameters)

    monkeypatch.setattr(locks, "_query_bool", lost)
    assert client.get("/").status_code == 200
    assert client.get("/contacts/export.csv").status_code == 200
