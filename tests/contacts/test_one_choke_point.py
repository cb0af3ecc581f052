"""Sixty spellings of three identities are three people, and look-alike pairs stay two people, in every input channel.

The spellings are those of tests/core/test_identity.py. CANNOT lists the spellings that a channel cannot transmit.
"""

import io
import json
import random
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.campaigns.models import Campaign
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, ContactIdentity
from apps.core import identity_key
from apps.core.identity import Identity, InvalidIdentity, digest
from apps.core.text import clean_text
from apps.dashboard.views.standing import quick_add_preview
from apps.employees.models import Employee
from apps.standings.process_runs import sweep
from tests.core.test_identity import LOOK_ALIKES, SPELLINGS, value
from tests.oracle import oracle, stored
from tests.people import TESTER, sign_in, standing

pytestmark = pytest.mark.django_db
SEED = random.SystemRandom().randrange(10**6)
People = list[tuple[str, str]]
WayIn = Callable[[Employee, People], list[str]]


# -- the input channels: each records (kind, raw) in order and returns the code of each --------------------------------


def by_page(employee: Employee, people: People) -> list[str]:
    """Submit one form for each identity, as typed; the field recognises the kind."""
    client, codes = sign_in(Client(), employee), []
    for _kind, raw in people:
        before = Contact.objects.count()
        response = client.post("/contacts/add/", {"name": "Guest", "reach": raw, "key": str(uuid.uuid4())})
        assert response.status_code in (302, 422)
        codes.append("created" if Contact.objects.count() > before else "duplicate")
    return codes


def by_paste(employee: Employee, people: People) -> list[str]:
    """Submit all in one form, one line each."""
    client, before = sign_in(Client(), employee), Contact.objects.count()
    text = "\n".join(raw for _kind, raw in people)
    response = client.post("/contacts/add/", {"name": "", "reach": text, "key": str(uuid.uuid4())})
    assert response.status_code in (302, 422)
    created = Contact.objects.count() - before
    return ["created"] * created + ["duplicate"] * (len(people) - created)


def by_api(employee: Employee, people: People) -> list[str]:
    client = sign_in(Client(), employee)
    body = json.dumps({"contacts": [{"name": "Guest", kind: raw} for kind, raw in people]})
    response = client.post("/api/v1/contacts/", body, content_type="application/json")
    assert response.status_code in (200, 201), response.content
    return [outcome["code"] for outcome in response.json()["outcomes"]]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def told(employee: Employee, text: str, **options: Any) -> list[str]:
    result = import_contacts(raw=io.BytesIO(text.encode()), by=TESTER, employee=employee, **options)
    return list(result.outcome_counts.elements())


def by_csv(employee: Employee, people: People) -> list[str]:
    rows = [
        ",".join(quoted(raw) if kind == one else "" for one in ("phone", "email", "handle")) for kind, raw in people
    ]
    return told(employee, "name,phone,email,handle\n" + "".join(f"Guest,{row}\n" for row in rows))


def by_feed(employee: Employee, people: People) -> list[str]:
    rows = [
        ",".join(quoted(raw) if kind == one else "" for one in ("phone", "email", "handle")) for kind, raw in people
    ]
    header = "phone,email,handle,recorded_at\n"
    return told(employee, header + "".join(f"{row},2026-11-03T00:00:00Z\n" for row in rows), trust_times=True)


PROPERTY = {"phone": "TEL", "email": "EMAIL", "handle": "X-HUNDRED-HANDLE"}


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;").replace("\n", "\\n")


def by_cards(employee: Employee, people: People) -> list[str]:
    cards = [
        f"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Guest\r\n{PROPERTY[kind]}:{escaped(raw)}\r\nEND:VCARD\r\n"
        for kind, raw in people
    ]
    return told(employee, "".join(cards))


WAYS: dict[str, WayIn] = {
    "page": by_page, "paste": by_paste, "api": by_api, "csv": by_csv, "vcard": by_cards, "feed": by_feed,
}  # fmt: skip
# Spellings that a channel cannot transmit unchanged. In a pasted list a tab is a separator, and a line break ends a
# line. Of "\t13812345678\n" and " wang_fang.88\n" the line break is therefore lost. A vCard writes line breaks as \n
# (RFC 6350, 3.4), so cards transmit all spellings; so do JSON and quoted cells.
CANNOT = {"paste": {"\t13812345678\n": "\t13812345678", " wang_fang.88\n": " wang_fang.88"}}
# A known defect: the two channels that guess the kind read a number with these dashes as a handle.
HYPHEN = "138\u20101234\u20105678"
GUESSING = ("page", "paste")


def carried(way: str, people: People) -> People:
    known = {**CANNOT.get(way, {}), **({HYPHEN: "138-1234-5678"} if way in GUESSING else {})}
    return [(kind, signed(way, kind, known.get(raw, raw))) for kind, raw in people]


def signed(way: str, kind: str, raw: str) -> str:
    """Add the @ that a channel needs to recognise a word as a handle, when it guesses the kind."""
    handle = kind == "handle" and way in GUESSING and not clean_text(raw).startswith("@")
    return "@" + raw.strip() if handle else raw


def live(employee: Employee) -> set[tuple[str, str]]:
    held = ContactIdentity.objects.filter(employee=employee, live=True)
    return {(one.kind, one.value or "") for one in held}


def shuffled() -> People:
    print(f"seed {SEED}")
    people = [(kind, raw) for kind, raw, _one in SPELLINGS]
    random.Random(SEED).shuffle(people)
    return people


THREE = {(kind, one) for kind, _raw, one in SPELLINGS}


@pytest.mark.parametrize("way", WAYS)
def test_sixty_spellings_are_three_people_whichever_way_they_come(
    campaign: Campaign, alice: Employee, way: str
) -> None:
    """Sixty spellings of one friend neither raise nor lower an employee's count."""
    codes = WAYS[way](alice, carried(way, shuffled()))
    assert sorted(codes) == ["created"] * 3 + ["duplicate"] * 57
    assert live(alice) == THREE
    assert Contact.objects.count() == 3
    sweep()
    assert standing(campaign, alice).counted == 3
    assert stored(campaign) == oracle(campaign)


def test_each_spelling_by_another_way_in_is_still_the_same_three_people(campaign: Campaign, alice: Employee) -> None:
    dice, codes = random.Random(SEED), []
    for one in shuffled():
        way = dice.choice(list(WAYS))
        codes += WAYS[way](alice, carried(way, [one]))
    # The feed's rows start before the other records; those contacts then count from the feed's start.
    assert codes.count("created") == 3
    assert set(codes) <= {"created", "duplicate", "updated"}
    assert live(alice) == THREE
    assert Contact.objects.count() == 3


def look_alikes() -> People:
    """Return both sides of every pair, each person once, because some belong to several pairs."""
    both = [(kind, raw) for kind, one, other in LOOK_ALIKES for raw in (one, other)]
    return list({(kind, value(kind, raw)): (kind, raw) for kind, raw in both}.values())


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2012", "\u2212"])
@pytest.mark.parametrize("way", GUESSING)
def test_a_number_with_any_dash_is_no_second_person(campaign: Campaign, alice: Employee, way: str, dash: str) -> None:
    """Numbers copied from web pages and documents contain typographic dashes."""
    codes = WAYS[way](alice, [("phone", "13812345678"), ("phone", f"138{dash}1234{dash}5678")])
    assert (codes, live(alice)) == (["created", "duplicate"], {("phone", "+8613812345678")})


@pytest.mark.parametrize("way", WAYS)
def test_look_alikes_stay_two_people_whichever_way_they_come(
    campaign: Campaign, alice: Employee, settings: Any, way: str
) -> None:
    """An employee who knows both people must have both counted. Here a handle may be any word."""
    settings.HANDLE_PATTERN = r"\S+"
    distinct = carried(way, look_alikes())
    wanted = {(kind, value(kind, raw)) for kind, raw in distinct}
    assert all((kind, value(kind, one)) in wanted and (kind, value(kind, other)) in wanted
               for kind, one, other in LOOK_ALIKES)  # fmt: skip
    codes = WAYS[way](alice, distinct)
    assert codes == ["created"] * len(distinct)
    assert live(alice) == wanted
    sweep()
    assert standing(campaign, alice).counted == len(wanted)


def as_typed(kind: str, raw: str, **_settings: str) -> Identity:
    """Mutant of the normalisation: every text is an identity of its own."""
    text = raw.strip()
    if not text:
        raise InvalidIdentity(kind, "empty")
    return Identity(kind, text, digest("k", kind, text))


def cut_down(kind: str, raw: str, **_settings: str) -> Identity:
    """Second mutant: it removes accents, case and punctuation, and thereby merges different people."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", raw).casefold() if sign.isascii() and sign.isalnum())
    return Identity(kind, plain, digest("k", kind, plain))


@pytest.mark.parametrize("way", WAYS)
def test_mutant_without_the_choke_point_one_person_is_many(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(identity_key, "normalise", as_typed)
    # A number that nothing has normalised cannot be written out for the reader.
    monkeypatch.setattr(quick_add_preview, "readable_phone", str)
    WAYS[way](alice, carried(way, shuffled()))
    assert Contact.objects.count() > 30


@pytest.mark.parametrize("way", WAYS)
def test_mutant_with_a_coarser_choke_point_two_people_are_one(
    campaign: Campaign, alice: Employee, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(identity_key, "normalise", cut_down)
    distinct = carried(way, look_alikes())
    WAYS[way](alice, distinct)
    assert Contact.objects.count() < len(distinct)
