"""Authorisation: tests/authorisation.csv declares every address, method and reader; an undeclared address fails.

Placeholders: {person} is Alice's id, {contact} an active contact of hers, {upload} a file she previews, {batch} one she
submitted, {added} what she recorded on a page, {token} one that she created, {subscription} that of a link in a mail to
her, {review} an unanswered review of hers, {asked} an adjustment of Alan that waits for a second person, {deputyship}
one of Bob's that begins later, {roster} a roster whose difference HR previews, {list} an adjustment file that HR
previews, {approval} an import that waits for a second person, {announcement} one of November that is shown (a second
version waits), {link} a set-password link of Dana, who never signs in, {help} help that Bob offers Alice, {text} one
for reminders, {endpoint} a webhook and {sent} a delivery to it. An address that ends in * covers everything below it
without a line of its own. The former manager had Bob and his team until an hour ago.

Undeclared methods and tokens are refused for all readers: methods other than GET and POST, and tokens on pages.
"""

import csv
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from django.urls.exceptions import Resolver404

from apps.accounts import api_tokens
from apps.accounts.models import Scope
from apps.accounts.services import account_for, set_password_link
from apps.accounts.sessions import public_session_name
from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.notifications import unsubscribe
from apps.notifications.models import HelpOffer
from apps.notifications.reminders.help_offers import offer_help
from apps.notifications.webhooks import services
from apps.notifications.webhooks.models import WebhookDelivery
from apps.roster.effects import request_change
from tests import announcing, files, people, reminding, reviewing, rosters
from tests.fixtures import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]

FILE = Path(__file__).parent.parent / "authorisation.csv"
METHODS = ("GET", "POST")
PEOPLE = {
    "employee": "alice",
    "colleague": "alan",
    "manager": "bob",
    "other_manager": "carol",
    "former_manager": "frank",
    "hr": "hr",
    "operator": "operator",
    "auditor": "auditor",
}
WHO = ("anonymous", *PEOPLE)
# Addresses for programs: a token is what opens them.
PROGRAMS = ("/api/", "/scim/")
SAMPLES = {"int": "1", "str": "x", "slug": "x", "path": "x", "uuid": "00000000-0000-0000-0000-000000000000"}


def declared() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def frank(company: dict[str, Employee], noon: Clock) -> Employee:
    """Between Dana and Bob; without a team since an hour ago."""
    head = people.ROSTER.splitlines()[0] + "\n"
    noon.set("2026-11-23T10:00:00+08:00", ticks=True)
    people.load(head + "F001,Frank,frank@corp.example.com,,Sales,D001\nB001,Bob 白,bob@corp.example.com,,Sales,F001\n")
    noon.set("2026-11-23T11:00:00+08:00", ticks=True)
    people.load(head + "B001,Bob 白,bob@corp.example.com,,Sales,D001\n")
    noon.set(people.NOON, ticks=True)
    return people.with_account(people.person("F001"))


@pytest.fixture
def places(frank: Employee, alice: Employee, dana: Employee, campaign: Campaign) -> dict[str, str]:
    """The values of the placeholders."""
    people.record_one(alice, ("email", "grace@outside.example.org"), name="Grace")
    people.mark()
    upload, batch = files.upload(alice, "handle\nw1\n"), files.handed_in(alice, "phone\n12\n")
    link = set_password_link(account_for(dana)).removeprefix("http://testserver/")
    contact = Contact.objects.of(alice).get().pk
    added = people.record(alice).submission_id
    review = str(reviewing.ask(campaign, alice, contacts=[contact]).pk)
    asked = people.ask(campaign=campaign, employee=people.person("A002"), exempt=True)
    announcement = announcing.published(campaign)
    announcing.requested(campaign)
    roster = rosters.looked(people.ROSTER + "N001,Nina,nina@corp.example.com,,,\n")
    return {
        "approval": str(request_change("roster_load", roster, {"leaving": 1}, people.officer("asks")).pk),
        "announcement": str(announcement.pk),
        "asked": str(asked.pk),
        "list": str(files.adjustments(people.person("H001"), "staff_no,target\nA001,80\n").pk),
        "added": str(added),
        "person": str(alice.pk),
        "contact": str(contact),
        "review": review,
        "upload": str(upload.pk),
        "batch": str(batch.pk),
        "roster": str(roster.pk),
        "deputyship": str(people.stands_in(people.person("B001"), dana, starts_on=date(2026, 11, 25)).pk),
        "link": link.strip("/"),
        "help": str(
            offer_help(
                campaign=campaign, employee=alice, kind=HelpOffer.Kind.TALK, by=account_for(people.person("B001"))
            ).pk
        ),
        "text": str(reminding.text().pk),
        **webhook(),
        "subscription": unsubscribe.token(f"e{alice.pk}", "weekly", "email"),
        "token": str(
            api_tokens.create_token(account=account_for(alice), name="x", scopes=["own"], by=people.TESTER)[0].pk
        ),
        "browser": public_session_name(people.sign_in(Client(), alice).session.session_key or ""),
        "export": str(files.export(campaign, people.person("B001"), root=people.person("B001")).pk),
        "schedule": str(files.schedule(campaign, people.person("B001"), root=people.person("B001")).pk),
    }


def webhook() -> dict[str, str]:
    """An endpoint with a delivery that has ended."""
    endpoint, _secret = services.add_endpoint(
        url="https://hooks.example.com/", description="", event_types=["campaign.frozen"], scheme="hmac",
        by=people.TESTER,
    )  # fmt: skip
    services.send_test_event(endpoint=endpoint, by=people.TESTER, now=db_now())
    sent = WebhookDelivery.objects.get()
    WebhookDelivery.objects.update(state="delivered", ended_at=db_now())
    return {"endpoint": str(endpoint.pk), "sent": str(sent.pk)}


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """All address patterns as (full route, pattern)."""
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


def route_of(address: str) -> str | None:
    """The route of an address; None when there is none."""
    try:
        return resolve(address.split("?")[0]).route
    except Resolver404:
        return None


def test_every_address_is_declared_for_every_method(places: dict[str, str]) -> None:
    lines = declared()
    known = {(route_of(line["address"].format(**places)), line["method"]) for line in lines}
    prefixes = {(line["address"][1:-1], line["method"]) for line in lines if line["address"].endswith("*")}
    missing = [
        f"{method} /{route}"
        for route, _pattern in routes(get_resolver())
        for method in METHODS
        if (route, method) not in known
        and not any(route.startswith(prefix) and method == how for prefix, how in prefixes)
    ]
    assert not missing, f"Say in {FILE.name} who may have these: {missing}"


def test_every_line_names_an_address_that_exists(places: dict[str, str]) -> None:
    gone = [line["address"] for line in declared() if not line["address"].endswith("*")]
    assert [address for address in gone if route_of(address.format(**places)) is None] == []


def below(prefix: str, known: set[str | None]) -> list[str]:
    """An address for each route below a prefix without a line of its own, with its parts filled in."""
    found = []
    for route, pattern in routes(get_resolver()):
        if route.startswith(prefix) and route not in known:
            filled = route
            for name, converter in getattr(pattern.pattern, "converters", {}).items():
                kind = type(converter).__name__.removesuffix("Converter").lower()
                kind = {"string": "str"}.get(kind, kind)
                filled = filled.replace(f"<{kind}:{name}>", SAMPLES[kind]).replace(f"<{name}>", SAMPLES[kind])
            if not set(filled) & set("<>^$?("):
                found.append(f"/{filled}")
    return found


def answer(client: Client, method: str, address: str) -> int:
    """The status; afterwards the state is as before."""
    point = transaction.savepoint()
    try:
        send: Any = client.get if method == "GET" else client.post
        response = send(address)
        if response.streaming:
            b"".join(response.streaming_content)
        return int(response.status_code)
    finally:
        transaction.savepoint_rollback(point)


@pytest.mark.parametrize("who", WHO)
def test_answers_are_as_declared(who: str, places: dict[str, str], request: pytest.FixtureRequest) -> None:
    signed_in = Client()
    if who in PEOPLE:
        people.sign_in(signed_in, request.getfixturevalue(PEOPLE[who]))
    lines = declared()
    known = {route_of(line["address"].format(**places)) for line in lines}
    wrong = []
    for line in lines:
        address = line["address"].format(**places)
        for one in below(address[1:-1], known) if address.endswith("*") else [address]:
            client = Client(raise_request_exception=False)
            client.cookies.update(signed_in.cookies)
            got = answer(client, line["method"], one)
            if got != int(line[who]):
                wrong.append(f"{who}: {line['method']} {one} answered {got}, declared {line[who]}")
    assert not wrong, "\n".join(wrong)


def signed_in(who: str, request: pytest.FixtureRequest) -> Client:
    client = Client(raise_request_exception=False)
    return people.sign_in(client, request.getfixturevalue(PEOPLE[who])) if who in PEOPLE else client


def every_address(places: dict[str, str]) -> list[str]:
    """Each declared address once, filled in, also those below a *."""
    lines = declared()
    known = {route_of(line["address"].format(**places)) for line in lines}
    found: dict[str, None] = {}
    for line in lines:
        address = line["address"].format(**places)
        found |= dict.fromkeys(below(address[1:-1], known) if address.endswith("*") else [address])
    return list(found)


@pytest.mark.parametrize("who", ["anonymous", "employee", "hr"])
def test_no_other_method_does_anything(who: str, places: dict[str, str], request: pytest.FixtureRequest) -> None:
    client, done = signed_in(who, request), []
    for address in every_address(places):
        if address.startswith(PROGRAMS):
            continue  # tests/api/authorisation.csv and tests/api/scim say it there, method by method
        for method in ("PUT", "PATCH", "DELETE", "TRACE"):
            with transaction.atomic():
                status = client.generic(method, address).status_code
                transaction.set_rollback(True)
            if status not in (302, 403, 404, 405):
                done.append(f"{method} {address} answered {status}")
    assert not done, "\n".join(done)


@pytest.mark.parametrize("who", ["employee", "hr", "operator"])
def test_a_token_opens_no_page(who: str, places: dict[str, str], request: pytest.FixtureRequest) -> None:
    """A token stolen from a program's settings must not open a person's pages."""
    account = account_for(request.getfixturevalue(PEOPLE[who]))
    roles = {Scope.FEED: "operator", Scope.ROSTER: "hr", Scope.SCIM: "hr"}
    scopes = [scope for scope in Scope if roles.get(scope, who) == who]
    secret = api_tokens.create_token(account=account, name="all", scopes=scopes, by=people.TESTER)[1]
    opened = []
    for line in declared():
        address = line["address"].format(**places)
        if address.startswith(PROGRAMS) or address.endswith("*"):
            continue
        client = Client(raise_request_exception=False, headers={"authorization": f"Bearer {secret}"})
        got = answer(client, line["method"], address)
        if got != int(line["anonymous"]):
            opened.append(f"{line['method']} {address} answered {got}")
    assert not opened, "\n".join(opened)


# Existing ids, and missing ones.
NOTHING = {
    "asked": "999999", "token": "999999", "contact": "999999", "review": "999999", "deputyship": "999999",
    "browser": "f" * 24, "help": "999999", "text": "999999", "endpoint": "999999", "sent": "999999",
    "person": "999999",
    **dict.fromkeys(
        ("added", "list", "upload", "batch", "roster", "export", "schedule"), "0f0e0d0c-0b0a-4908-8706-050403020100"
    ),
}  # fmt: skip
NOBODY = {"A001": "X999", "B001": "X999"}


def spoken(response: Any, *addresses: str) -> tuple[Any, ...]:
    """The content of a response without the parts that differ per request or repeat the reader's input."""
    text = re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", response.content).decode()
    for address in addresses:
        text = text.replace(quote(address), "").replace(address, "")
    kept = {name for name in response.headers if name not in ("Content-Length", "Set-Cookie")}
    return response.status_code, text, sorted(kept)


@pytest.mark.parametrize("who", [name for name in PEOPLE if name != "employee"])
def test_what_may_not_be_seen_answers_like_what_is_not_there(
    who: str, places: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """Otherwise a colleague could find out which contacts, files and people exist."""
    client, told, compared = signed_in(who, request), [], 0
    for line in declared():
        pattern = line["address"]
        missing = pattern
        for name, nothing in NOBODY.items():
            missing = missing.replace(name, nothing)
        missing = missing.format(**(places | NOTHING))
        address = pattern.format(**places)
        if line[who] != "404" or missing == address:
            continue
        answers = []
        for one in (address, missing):
            point = transaction.savepoint()
            answers.append(client.generic(line["method"], one))
            transaction.savepoint_rollback(point)
        compared += 1
        first, second = (spoken(one, address, missing) for one in answers)
        if first != second:
            told.append(f"{line['method']} {pattern}: {first[0]} here, {second[0]} where there is nothing")
    assert not told, "\n".join(told)
    assert compared > 15
