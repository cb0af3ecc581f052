"""Hostile texts in every field of every input channel: never a 5xx.

Each text is stored as cleaned, or refused with the field's name. The texts are our own. A channel that cannot transmit
a text (half a surrogate pair in UTF-8) sends its bytes instead.
"""

import io
import itertools
import json
import os
import random
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from apps.accounts.approvals import request_approval
from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.contacts.imports import import_contacts, import_submission
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.core.audit import Actor
from apps.core.identity import normalise
from apps.core.models import FilePreview
from apps.core.text import clean_text
from apps.dashboard.urls import urlpatterns
from apps.employees.models import Employee
from apps.notifications import unsubscribe
from apps.notifications.models import HelpOffer
from apps.notifications.reminders.help_offers import offer_help
from apps.notifications.webhooks.services import add_endpoint
from tests import announcing, files, people, reminding, reviewing, rosters
from tests.people import TESTER, record_one, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.everywhere]
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))
SEED = int(os.environ.get("FAULT_SEED", "0")) or random.SystemRandom().randrange(10**6)
MARK = "<naughty"
NAUGHTY = [
    # Difficult for databases, C and Unicode.
    "\0", "a\0b", "\0" * 50, "\ud800", "a\udfffb", "\udc00\ud800", "\ud83d", "\ufffe\uffff",
    "\U0010ffff", "\x01\x02\x1b[31m",
    "\x7f\x80\x9f", "\ufeff", "\ufffd",
    # Invisible characters, and characters that reverse the text direction.
    "\u202eevil\u202c", "\u2066x\u2069\u200f", "\u200b", "\u200c\u200d\u2060", "a\u00adb\u180ec",
    "\u3164\u115f", "\u2028\u2029",
    "\t\r\n\v\f", "\u00a0\u3000", "\U000e0041\U000e0042\U000e007f",
    # Very long texts, and very many marks on one character.
    "x" * 1_000_000, "王" * 100_000, "Z" + "\u0300\u0489\u0336" * 300, "﷽" * 400, "\u0958" * 300,
    "ﬃ①Ⅷ㍿", "İıſßŒ", "e\u0301\u0327",
    # Special characters of other programs.
    "'", '"', "\\", "`", "';--", "' OR 1=1 --", "\"; DROP TABLE contacts_contact; --",
    "$$ || pg_sleep(9) || $$", "\\N", "\\.\n",
    "%s %d %n %(a)s %%", "{0} {} {a.__class__}", "${jndi:ldap://x/y}", "{{ 7*7 }}", "{% include 'x' %}", "#{1}<%= 1 %>",
    f"{MARK} onerror=alert(1)>", f"</textarea>{MARK}>", f"\"'>{MARK}>",
    "javascript:alert(1)", "&lt;&#0;&nbsp;", "<![CDATA[x]]>",
    "=1+1", "+SUM(A1)", "-2+3|x!A0", "@cmd", "\t=1", "＝1+1", "'=1",
    "../../etc/passwd", "C:\\con\\nul", "-rf", "NULL", "None", "NaN", "1e309", "0x7f", "-0", "true", "[]", "{}",
    "👩‍👩‍👧‍👦🏳️‍🌈🇨🇳", "👍🏿" * 100, "BEGIN:VCARD", "END:VCARD", "a;b,c:d\\n", "http://x/?a=b&c=%00#d",
]  # fmt: skip


def some(count: int) -> list[str]:
    """Return `count` of the texts, by the seed; all of them when FAULT_ROUNDS is large enough. For slow tests."""
    print(f"seed {SEED}")
    return random.Random(SEED).sample(NAUGHTY, min(len(NAUGHTY), count * ROUNDS))


def arrived(text: str) -> str:
    """Return a text as it arrives from the percent-encoded bytes of a form or an address."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def encoded(**fields: str) -> str:
    """Encode a form as a browser does, and also characters that no browser sends."""
    return "&".join(f"{name}={quote(text.encode('utf-8', 'surrogatepass'), safe='')}" for name, text in fields.items())


def post(client: Client, address: str, **fields: str) -> Any:
    response = client.post(address, encoded(**fields), content_type="application/x-www-form-urlencoded")
    return seen(response, address, fields)


def get(client: Client, address: str, **fields: str) -> Any:
    return seen(client.get(address, QUERY_STRING=encoded(**fields)), address, fields)


def seen(response: Any, address: str, fields: dict[str, str]) -> Any:
    """Check that the response is no 5xx and does not contain the typed text as markup."""
    told = {name: text[:40] for name, text in fields.items()}
    assert response.status_code < 500, (address, told, response.status_code)
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if response.headers.get("Content-Type", "").startswith("text/html"):
        assert MARK.encode() not in content, (address, told)
    return response


def names_field(response: Any, field: str) -> bool:
    """Return whether the form was returned with an error on this field."""
    return response.status_code == 422 and f'_{field}_error">'.encode() in response.content


def test_there_are_enough_of_them() -> None:
    assert len(set(NAUGHTY)) == len(NAUGHTY) >= 60


@pytest.fixture
def client(alice: Employee) -> Client:
    return sign_in(Client(), alice)


def all_normalised(employee: Employee) -> None:
    for kind, value in ContactIdentity.objects.filter(employee=employee).values_list("kind", "value"):
        assert normalise(kind, value or "", region="CN", key="k").value == value
    for name in Contact.objects.of(employee).values_list("name", flat=True):
        assert clean_text(name) == name


# -- the forms ---------------------------------------------------------------------------------------------------------


def test_any_name_is_stored_clean_or_refused_at_its_field(campaign: Campaign, alice: Employee, client: Client) -> None:
    stored = refused = 0
    for number, text in enumerate(NAUGHTY):
        response = post(client, "/contacts/add/", name=text, reach=f"@h{number}", key=str(uuid.uuid4()))
        if response.status_code == 302:
            assert Contact.objects.get(identities__value=f"h{number}").name == clean_text(arrived(text))
            stored += 1
        else:
            assert names_field(response, "name"), (text[:40], response.status_code)
            assert not ContactIdentity.objects.filter(value=f"h{number}").exists()
            refused += 1
    print(f"{stored} stored, {refused} refused")
    all_normalised(alice)


def test_any_text_to_reach_somebody_by_is_an_identity_or_refused(
    campaign: Campaign, alice: Employee, client: Client
) -> None:
    for text in NAUGHTY:
        before = Contact.objects.count()
        response = post(client, "/contacts/add/", name="Guest", reach=text, key=str(uuid.uuid4()))
        new = Contact.objects.count() - before
        if response.status_code == 422 and not new:
            said = response.content
            assert b'id="add_reach_error"' in said or b'id="add_failed"' in said, text[:40]
        else:
            assert new or response.status_code == 302
    all_normalised(alice)


def test_any_lines_around_a_good_one_take_nothing_from_it(campaign: Campaign, alice: Employee, client: Client) -> None:
    for number, text in enumerate(NAUGHTY):
        if "\0" in text or len(text) > 40_000:
            continue  # refused as a whole: see above
        post(client, "/contacts/add/", name="", reach=f"{text}\n\n@good{number}\n{text}", key=str(uuid.uuid4()))
        assert ContactIdentity.objects.filter(value=f"good{number}").count() == 1, text[:40]
    all_normalised(alice)


def test_any_key_of_a_form_is_a_key_or_refused(campaign: Campaign, alice: Employee, client: Client) -> None:
    for text in NAUGHTY:
        assert post(client, "/contacts/add/", name="", reach="@h", key=text).status_code in (302, 422)
    assert Contact.objects.count() <= 1


def test_any_new_name_is_stored_clean_or_refused_at_its_field(
    campaign: Campaign, alice: Employee, client: Client
) -> None:
    contact = record_one(alice, ("handle", "h")).outcomes[0].contact_id
    for text in NAUGHTY:
        Contact.objects.update(name="before")
        response = post(client, f"/contacts/{contact}/rename/", name=text)
        name = Contact.objects.get().name
        if response.status_code == 302:
            assert name == clean_text(arrived(text))
        else:
            assert names_field(response, "name"), text[:40]
            assert name == "before"
        assert get(client, f"/contacts/{contact}/").status_code == 200


@pytest.mark.parametrize("field", ["phone", "email", "handle"])
def test_any_correction_is_an_identity_or_refused_at_its_field(
    campaign: Campaign, alice: Employee, client: Client, field: str
) -> None:
    contact = record_one(alice, ("handle", "h")).outcomes[0].contact_id
    for text in NAUGHTY:
        response = post(client, f"/contacts/{contact}/correct/", **{field: text})
        if response.status_code == 302:
            contact = int(response.headers["Location"].strip("/").split("/")[-1])
        else:
            assert names_field(response, field) or names_field(response, "phone"), text[:40]
        assert Contact.objects.of(alice).filter(ended_at=None).count() == 1
    all_normalised(alice)


@pytest.mark.parametrize("field", ["manager", "deputy", "starts_on", "until", "key"])
def test_any_text_about_a_deputy_is_refused_at_its_field(campaign: Campaign, hr: Employee, field: str) -> None:
    client = sign_in(Client(), hr)
    good = {"manager": "B001", "deputy": "S001", "until": "2026-11-27", "key": str(uuid.uuid4())}
    for text in some(40):
        response = post(client, "/company/deputies/", **{**good, field: text})
        assert response.status_code in (302, 400, 413, 422), text[:40]
        if field in ("manager", "deputy", "until") and response.status_code not in (400, 413):
            assert names_field(response, field), text[:40]


@pytest.mark.parametrize("field", ["username", "password", "next"])
def test_nobody_breaks_the_sign_in(campaign: Campaign, alice: Employee, field: str) -> None:
    for text in some(30):
        fields = {"username": "A001", "password": "x", "next": "/", field: text}
        # 413: more than a megabyte from a user who is not signed in is refused unread.
        assert post(Client(), "/login/", **fields).status_code in (200, 400, 403, 413, 422, 429)
        assert get(Client(), "/login/", **{field: text}).status_code in (200, 400)


# -- addresses ---------------------------------------------------------------------------------------------------------

PARAMETERS = (
    "q", "sought", "reason", "source", "batch", "sort", "after", "campaign", "as_of", "status", "department", "next",
    "added", "encoding", "role_0", "page", "period", "about", "since", "until", "before", "whose", "team", "day",
    "manager",
)  # fmt: skip
KEYS = {"team": ("histogram", "curve"), "company": ("under", "sources")}


def pages(**filled: Any) -> Iterator[tuple[str, str]]:
    """Yield (user, address) for every page of the web interface, with this user's ids in its parts."""
    filled |= {"staff_no": "B001", "key": "curve"}
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        name = str(pattern.name)
        if name in ("set-password", "logout"):
            continue
        hrs = "company" in f"{pattern.pattern} {name}" or "export" in name
        managers = re.search("team|member|deput|help-offer|help-withdraw", name)
        who = "hr" if hrs else "bob" if managers else "olga" if "operator/" in str(pattern.pattern) else "alice"
        parts = {
            # Adjustment requests have integer ids; approval requests that wait for a second person have UUIDs.
            part: filled["approval_id"] if name.startswith("approval") and part == "request_id" else filled[part]
            for part in pattern.pattern.converters
        }
        for key in KEYS.get(name.removeprefix("chart-"), ("",)) if "key" in parts else ("",):
            yield who, reverse(name, kwargs={**parts, **({"key": key} if key else {})})


@pytest.fixture
def places(campaign: Campaign, alice: Employee, hr: Employee, client: Client) -> list[tuple[str, str]]:
    """Return every page of the web interface, with an existing contact, file, review, adjustment, roster and export.

    Before a freeze there is no correction.
    """
    contact = record_one(alice, ("handle", "h")).outcomes[0].contact_id
    response = upload(client, b"contacts.csv", b"name,handle\nGuest,h2\n")
    files.make_previews()
    file = uuid.UUID(response.headers["Location"].strip("/").split("/")[-1])
    response = post(client, f"/contacts/import/{file}/confirm/", seen="1")
    submission = Submission.objects.get(source="csv")
    import_submission(submission.pk)
    asked, review = people.ask(campaign=campaign, employee=alice, target=80), reviewing.ask(campaign, alice)
    waiting = request_approval(
        kind="campaign_cancellation",
        subject=campaign.slug,
        label=campaign.name,
        payload={},
        effect={},
        by=Actor(None, "operator"),
    )
    announced = announcing.published(campaign)
    offer = offer_help(
        campaign=campaign, employee=alice, kind=HelpOffer.Kind.TALK, by=account_for(people.person("B001"))
    )
    endpoint, _ = add_endpoint(
        url="https://hooks.example.com/", description="", event_types=["campaign.frozen"], scheme="hmac", by=TESTER
    )
    schedule = files.schedule(campaign, hr)
    return list(
        pages(
            contact_id=contact, submission_id=submission.pk, file_id=file, review_id=review.pk, request_id=asked.pk,
            approval_id=waiting.pk,
            correction_id=1, slug=campaign.slug, load_id=rosters.looked(people.ROSTER).pk, kind="standings",
            export_id=files.export(campaign, people.person("H001")).pk, deputyship_id=1, token_id=1, name="f" * 24,
            list_id=files.adjustments(hr, "staff_no,target\nA001,80\nX,y\n").pk,
            announcement_id=announced.pk, version=announced.version, text_id=reminding.text().pk,
            offer_id=offer.pk, schedule_id=schedule.pk, endpoint_id=endpoint.pk, delivery_id=1,
            employee_id=alice.pk, act="end-access",
            token=unsubscribe.token(f"e{alice.pk}", "weekly", "email"),
        )
    )  # fmt: skip


@pytest.fixture
def readers(alice: Employee, bob: Employee, hr: Employee, operator: Employee) -> dict[str, Client]:
    users = {"alice": alice, "bob": bob, "hr": hr, "olga": operator}
    return {name: sign_in(Client(), user) for name, user in users.items()}


def test_no_address_fails_whatever_its_query_says(places: list[tuple[str, str]], readers: dict[str, Client]) -> None:
    """Each text as each parameter, distributed over the addresses; every address with every parameter."""
    print(f"seed {SEED}")
    texts = [text for text in NAUGHTY if "\0" not in text]
    random.Random(SEED).shuffle(texts)
    deal, statuses, each = itertools.cycle(texts), Counter[int](), ROUNDS
    for who, address in places:
        for parameter in PARAMETERS:
            for text in itertools.islice(deal, each):
                statuses[get(readers[who], address, **{parameter: text}).status_code] += 1
    print(f"{sum(statuses.values())} requests to {len(places)} addresses: {dict(statuses)}")
    assert set(statuses) <= {200, 286, 302, 400, 404, 405}


def test_each_text_as_each_filter_of_the_lists(places: list[tuple[str, str]], readers: dict[str, Client]) -> None:
    lists = (("alice", "/contacts/"), ("bob", "/team/B001/"), ("hr", "/company/"))
    for (who, address), parameter in itertools.product(lists, ("q", "sought", "department", "batch", "after")):
        for text in some(20):
            if "\0" not in text and (parameter in ("q", "sought") or len(text) < 2_000):
                response = get(readers[who], address, **{parameter: text})
                assert response.status_code in (
                    (200,) if parameter in ("q", "sought", "department") else (200, 400, 404)
                )


def test_each_text_is_searched_for_among_the_own_contacts(campaign: Campaign, readers: dict[str, Client]) -> None:
    for text in NAUGHTY:
        led = post(readers["alice"], "/contacts/search/", q=text)
        assert led.status_code in (302, 400, 413), text[:40]
        if led.status_code == 302:
            assert len(led.headers["Location"]) < 4_000, "a web server takes no longer address"
            listed = readers["alice"].get(led.headers["Location"])
            assert listed.status_code == 200
            assert listed.context["filters"].q == arrived(text).replace("\0", "").strip()[:200].strip()


def test_a_nul_in_any_address_is_not_understood(places: list[tuple[str, str]], readers: dict[str, Client]) -> None:
    for who, address in places:
        for query in ("q=a%00b", "%00=1", "campaign=%00", "q=\0"):
            assert readers[who].get(address, QUERY_STRING=query).status_code == 400, (address, query)
        assert readers[who].get(f"{address}%00/").status_code == 400


def test_no_text_is_anybodys_number_in_an_address(campaign: Campaign, readers: dict[str, Client]) -> None:
    """Impossible staff numbers, contacts, files and charts."""
    for text in NAUGHTY:
        part = quote(arrived(text)[:500], safe="")
        for who, address in (("bob", "/team/{}/"), ("bob", "/team/{}/standings.csv"), ("bob", "/charts/member/{}.json"),
                             ("bob", "/charts/team/{}/curve.json"), ("hr", "/charts/company/{}.json"),
                             ("alice", "/contacts/{}/"), ("alice", "/contacts/import/{}/"), ("alice", "/{}"),
                             ("alice", "/set-password/{}/x/")):  # fmt: skip
            response = get(readers[who], address.format(part))
            # An invalid link shows a page that says so.
            fine = (200, 301, 302, 400, 404) if "password" in address else (301, 302, 400, 404)
            assert response.status_code in fine, (address, text[:40])


# -- the API -----------------------------------------------------------------------------------------------------------


def call(client: Client, method: str, address: str, body: Any = None, **headers: str) -> Any:
    response = client.generic(
        method, f"/api/v1/{address}", json.dumps(body).encode(), content_type="application/json", headers=headers
    )
    assert response.status_code < 500, (method, address, str(body)[:80])
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == "application/problem+json"
    return response


def fields_of(response: Any) -> set[str]:
    return {error["field"] for error in response.json().get("errors", [])}


@pytest.mark.parametrize("field", ["name", "phone", "email", "handle"])
def test_any_text_in_an_api_body_is_stored_clean_or_refused_by_name(
    campaign: Campaign, alice: Employee, client: Client, field: str
) -> None:
    for number, text in enumerate(NAUGHTY):
        reach = {} if field == "handle" else {"handle": f"{field}{number}"}
        response = call(client, "POST", "contacts/", {**reach, field: text})
        if response.status_code == 201:
            if field == "name":
                assert Contact.objects.get(identities__value=f"name{number}").name == clean_text(text)
        elif response.status_code == 200:
            [outcome] = response.json()["outcomes"]
            # A contact without any identity is reported at the phone, the first of the three fields.
            assert outcome["code"] == "duplicate" or outcome["field"] in (field, "phone"), text[:40]
        elif response.status_code != 413:
            assert fields_of(response) == {field}, (text[:40], response.content)
    all_normalised(alice)


def test_any_text_in_the_other_places_of_the_api(campaign: Campaign, alice: Employee, client: Client) -> None:
    contact = record_one(alice, ("handle", "h")).outcomes[0].contact_id
    for text in NAUGHTY:
        renamed = call(client, "PATCH", f"contacts/{contact}/", {"name": text})
        if renamed.status_code == 200:
            assert Contact.objects.get(pk=contact).name == clean_text(text)
        else:
            assert renamed.status_code == 413 or fields_of(renamed) == {"name"}
        assert call(client, "POST", "contacts/", {"handle": "h", text: "x"}).status_code in (400, 413)
        assert call(client, "POST", "contacts/", text).status_code in (400, 413)
        assert call(client, "POST", "contacts/search/", {"q": text}).status_code in (200, 400, 413)
        assert call(client, "POST", "contacts/search/", {"q": "x", "after": text}).status_code in (200, 400, 413)
        assert call(client, "POST", "contacts/", {"contacts": [{"handle": text}, {text: "x"}]}).status_code in (
            400,
            413,
        )
        for body in ({"handle": [text]}, {"handle": {text: text}}, {"contacts": text}, [text]):
            assert call(client, "POST", "contacts/", body).status_code in (400, 413)
        assert call(client, "POST", "tokens/", {"name": text, "scopes": [text]}).status_code in (400, 413)
        if text.isascii() and text.isprintable() and len(text) < 10_000:
            call(client, "POST", "contacts/", {"handle": "h"}, **{"Idempotency-Key": text})
    all_normalised(alice)


QUERIES = {
    "contacts/": ("reason", "source", "batch", "after", "limit", "campaign", "as_of"),
    "me/standing/": ("campaign", "as_of"),
    "standings/": ("q", "status", "department", "after", "limit", "campaign", "as_of", "sort", "team"),
    "standings/B001/": ("campaign", "as_of"),
    "campaigns/": ("after", "limit", "state"),
}


def test_any_query_of_the_api_is_answered_or_refused_by_name(campaign: Campaign, readers: dict[str, Client]) -> None:
    for address, parameters in QUERIES.items():
        for parameter, text in itertools.product(parameters, some(30)):
            if len(text) > 2_000 and parameter not in ("q", "campaign"):
                continue
            response = get(readers["hr"], f"/api/v1/{address}", **{parameter: text})
            assert response.status_code in (200, 400, 404), (address, parameter, text[:40], response.content)
            if response.status_code != 200:
                assert response.headers["Content-Type"] == "application/problem+json"
            if response.status_code == 400:
                assert fields_of(response) == {parameter}, (address, parameter, text[:40], response.content)
            if "\0" in text:
                assert response.status_code == 400


def test_a_nul_in_any_api_address_is_a_problem_in_json(campaign: Campaign, readers: dict[str, Client]) -> None:
    for address in QUERIES:
        for query in ("q=a%00b", "%00=1", "campaign=%00", "a=\0"):
            response = readers["hr"].get(f"/api/v1/{address}", QUERY_STRING=query)
            assert response.status_code == 400, (address, query)
            assert response.headers["Content-Type"] == "application/problem+json"
    for path in ("standings/%00/", "campaigns/%00/", "contacts/%00/", "%00"):
        response = readers["hr"].get(f"/api/v1/{path}")
        assert response.status_code in (400, 404), path
        assert response.headers["Content-Type"] == "application/problem+json"


# -- files -------------------------------------------------------------------------------------------------------------


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def told(employee: Employee, content: bytes, **options: Any) -> dict[str, Any]:
    return import_contacts(raw=io.BytesIO(content), by=TESTER, employee=employee, **options).as_json()


def without_halves(text: str) -> str:
    """A file in UTF-8 cannot contain half of a surrogate pair (test_import_bad_files has its bytes)."""
    return re.sub("[\ud800-\udfff]", "", text)


def test_any_cell_is_stored_clean_or_told_by_its_column(alice: Employee) -> None:
    texts = [without_halves(text) for text in NAUGHTY if len(text) < 500_000]
    rows = []
    for number, text in enumerate(texts):
        rows += [
            f"{cell(text)},,,n{number}",
            f"P{number},{cell(text)},,p{number}",
            f"E{number},,{cell(text)},e{number}",
        ]
        rows += [f"H{number},,h{number}@outside.example.org,{cell(text)}", f"good,,,g{number}"]
    report = told(alice, ("name,phone,email,handle\n" + "\n".join(rows) + "\n").encode())
    assert report["read"] == len(rows) == report["created"] + report["duplicate"] + report["rejected"]
    values = set(ContactIdentity.objects.values_list("value", flat=True))
    assert {f"g{number}" for number in range(len(texts))} <= values
    for number, text in enumerate(texts):
        # An apostrophe before a formula is the guard that exports add; the import removes it.
        name = text.strip()[1:] if text == "'=1" else text
        assert Contact.objects.get(identities__value=f"n{number}").name == clean_text(name), text[:40]
    assert {reject["column"] for reject in report["rejects"]} <= {"phone", "email", "handle"}
    assert all(reject["reason"] for reject in report["rejects"])
    all_normalised(alice)


def test_any_header_and_any_owner_is_read_or_refused_in_words(alice: Employee) -> None:
    for number, text in enumerate(map(without_halves, NAUGHTY)):
        if len(text) > 900_000:
            continue  # a header of more than a megabyte is invalid: the file is refused with a message
        report = told(alice, f"{cell(text)},handle\nx,hd{number}\n".encode(), format="csv")
        assert report["created"] == 1, text[:40]
        report = told(alice, f"staff_no,handle\n{cell(text)},so{number}\n,sp{number}\n".encode(), format="csv")
        assert report["read"] == report["created"] + report["rejected"] >= 1
        assert all(reject["code"] in ("unknown_employee", "too_long") for reject in report["rejects"])
    all_normalised(alice)


def test_any_card_is_stored_clean_or_told(alice: Employee) -> None:
    cards, texts = [], [without_halves(text) for text in NAUGHTY]
    for number, text in enumerate(texts):
        value = re.sub(r"([\\,;])", r"\\\1", text).replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")
        for field in ("FN", "TEL", "EMAIL", "X-HUNDRED-HANDLE", "NOTE", "X-ANYTHING"):
            lines = ["BEGIN:VCARD", "VERSION:4.0", f"{field}:{value}"]
            lines += [f"X-HUNDRED-HANDLE:{field[0].lower()}{number}x{field[-1].lower()}", "END:VCARD", ""]
            cards.append("\r\n".join(lines))
        cards.append(f"BEGIN:VCARD\r\nX-HUNDRED-HANDLE:g{number}\r\nEND:VCARD\r\n")
    report = told(alice, "".join(cards).encode())
    assert report["read"] == len(cards) == report["created"] + report["duplicate"] + report["rejected"]
    values = set(ContactIdentity.objects.values_list("value", flat=True))
    assert {f"g{number}" for number in range(len(texts))} <= values
    for number, text in enumerate(texts):
        found = Contact.objects.filter(identities__value=f"f{number}xn").values_list("name", flat=True)
        if len(text) < 10_000:
            assert list(found) == [clean_text(text)], text[:40]
    all_normalised(alice)


# Characters that the header of a multipart body cannot contain: its own line ends and quotes.
NOT_IN_A_HEADER = re.compile(r'[\r\n"\\]')


def upload(client: Client, name: bytes, content: bytes) -> Any:
    """Upload with exactly these bytes as the file's name."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\nContent-Type: text/csv'
    body = head + b"\r\n\r\n" + content + b"\r\n--x--\r\n"
    return client.post("/contacts/import/", body, content_type="multipart/form-data; boundary=x")


def test_any_name_of_a_file_is_kept_clean_or_the_file_is_refused(
    campaign: Campaign, alice: Employee, client: Client
) -> None:
    kept = 0
    texts = some(45)
    for number, text in enumerate(texts):
        name = NOT_IN_A_HEADER.sub("", text)[:300].encode("utf-8", "surrogatepass")
        response = seen(
            upload(client, name + b".csv", f"name,handle\nGuest,h{number}\n".encode()), "upload", {"": text}
        )
        assert response.status_code in (302, 400, 422), text[:40]
        if response.status_code != 302:
            continue
        preview = response.headers["Location"]
        files.make_previews()
        assert get(client, preview).status_code == 200
        confirmed = post(client, f"{preview}confirm/", seen="1")
        assert confirmed.status_code == 302
        newest = Submission.objects.order_by("-received_at")[0]
        import_submission(newest.pk)
        assert newest.file_name == clean_text(newest.file_name)
        for address in (confirmed.headers["Location"], "/contacts/import/", "/contacts/"):
            assert get(client, address).status_code == 200
        kept += 1
    print(f"{kept} of {len(texts)} names kept")
    assert Contact.objects.count() == kept


def test_any_choice_about_a_file_is_an_answer_or_a_refusal(campaign: Campaign, alice: Employee, client: Client) -> None:
    def uploaded() -> str:
        return upload(client, b"c.csv", b"name,handle\nGuest,h\n").headers["Location"]

    preview = uploaded()
    files.make_previews()
    for field, text in itertools.product(("encoding", "role_0", "role_1", "header", "first"), some(20)):
        if len(text) < 10_000:
            if "\0" not in text:
                assert get(client, preview, **{field: text}).status_code in (200, 400, 413, 422)
            assert post(client, f"{preview}look/", **{field: text}).status_code in (302, 400, 422)
            files.make_previews()
            version = str(FilePreview.objects.latest("asked_at").version)
            answer = post(client, f"{preview}confirm/", **{"seen": version, field: text})
            assert answer.status_code in (302, 400, 422)
            if answer.status_code == 302:
                assert "/batch/" in answer.headers["Location"]
                # The file is submitted, whatever was chosen; the next choice needs another upload. Files that wait to
                # be recorded are limited, so it is recorded first, as a worker does.
                assert import_submission(Submission.objects.get(state="received").pk)
                preview = uploaded()
    assert Submission.objects.exists()


# -- the mutant --------------------------------------------------------------------------------------------------------


def test_mutant_without_the_edge_a_nul_reaches_the_database(
    campaign: Campaign, readers: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages remove a NUL themselves; only the middleware protects a page that forgets it."""
    from apps.dashboard.views import page_context

    class Forgets(str):
        def replace(self, *arguments: Any) -> "Forgets":
            return self

        def strip(self, *arguments: Any) -> "Forgets":
            return self

    real = page_context.PageContext.__init__

    def init(self: page_context.PageContext, request: Any) -> None:
        request.GET = {name: Forgets(text) for name, text in request.GET.items()}
        real(self, request)

    monkeypatch.setattr(page_context.PageContext, "__init__", init)
    assert readers["hr"].get("/company/reviews/", QUERY_STRING="q=a%00b").status_code == 400
    monkeypatch.setattr(
        "apps.dashboard.middleware.request_size_limit.RequestSizeLimitMiddleware.__call__",
        lambda self, request: self.get_response(request),
    )
    with pytest.raises(ValueError, match="NUL"):
        readers["hr"].get("/company/reviews/", QUERY_STRING="q=a%00b")


def test_mutant_without_cleaning_what_cannot_be_seen_is_stored(
    campaign: Campaign, alice: Employee, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.contacts.normalisation.clean_text", lambda text, limit=0: text)
    post(client, "/contacts/add/", name="a\u200bb", reach="@h1", key=str(uuid.uuid4()))
    with pytest.raises(AssertionError):
        all_normalised(alice)
