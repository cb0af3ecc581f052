"""What is one person and what are two: a wrong answer counts somebody twice, or takes a contact from an employee."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.core import identity
from apps.core.email_domains import in_domains, normalise_domain
from apps.core.identity import (
    MAX_HANDLE_CHARS,
    MAX_RAW_CHARS,
    Identity,
    InvalidIdentity,
    digest,
    normalise,
    unique_identities,
)
from apps.core.text import clean_text, is_storable


def value(kind: str, raw: str, region: str = "CN") -> str:
    return normalise(kind, raw, region=region, key="key").value


def key(kind: str, raw: str) -> tuple[str, bytes]:
    return normalise(kind, raw, region="CN", key="key").key


PHONE = "+8613812345678"
PHONES = [
    "13812345678", "138 1234 5678", "138-1234-5678", "(138) 1234-5678", "138.1234.5678", "138\u00a01234\u00a05678",
    "+8613812345678", "+86 138 1234 5678", "+86-138-1234-5678", "+86 (138) 12345678", "+86 0 138 1234 5678",
    "008613812345678", "0086 138 1234 5678", "00 86 138 1234 5678", "tel:+86-138-1234-5678", "TEL:+8613812345678",
    "１３８１２３４５６７８", "＋８６ １３８ １２３４ ５６７８", "138\u20101234\u20105678", "138–1234–5678",
    "138\u200b1234\u200b5678", "\ufeff13812345678", "\u202a+8613812345678\u202c", " 13812345678 ", "\t13812345678\n",
    "138\u30001234\u30005678", "+86\u2060138 1234 5678", "138/1234/5678", "+86 138 1234 5678\u200e", "１38-1234-5678",
]  # fmt: skip
EMAIL = "zoë.müller+x@xn--mnchen-3ya.example.org"
EMAILS = [
    "zoë.müller+x@münchen.example.org", "ZOË.MÜLLER+X@MÜNCHEN.EXAMPLE.ORG", "Zoë.Müller+x@xn--mnchen-3ya.example.org",
    unicodedata.normalize("NFD", "zoë.müller+x@münchen.example.org"), "zoë.mu\u200b\u0308ller+x@münchen.example.org",
    " zoë.müller+x@münchen.example.org ", "mailto:zoë.müller+x@münchen.example.org",
    "MailTo:zoë.müller+x@MÜNCHEN.example.org",
    "\ufeffzoë.müller+x@münchen.example.org", "zoë.müller+x＠münchen.example.org", "zoë.müller+x@münchen．example．org",
    "zoë.müller+x@münchen\u200b.example.org", "ｚｏë.müller+x@münchen.example.org",
    "zoë.müller+x@münchen.example.org\u200f", "zoë.müller+x@XN--MNCHEN-3YA.example.org",
]  # fmt: skip
HANDLE = "wang_fang.88"
HANDLES = [
    "wang_fang.88", "@wang_fang.88", "Wang_Fang.88", "@WANG_FANG.88", "ｗａｎｇ_ｆａｎｇ.８８", "＠wang_fang.88",
    "wang\u200b_fang.88", " wang_fang.88\n", "\u202dwang_fang.88\u202c", "wang_fang．88", "wang＿fang.88",
    "\ufeff@wang_fang.88", "wang_fang.88\u00ad", "WANG_FANG.⑧8", "wang_fang.8\u20608",
]  # fmt: skip
SPELLINGS = (
    [("phone", raw, PHONE) for raw in PHONES]
    + [("email", raw, EMAIL) for raw in EMAILS]
    + [("handle", raw, HANDLE) for raw in HANDLES]
)


@pytest.mark.parametrize(("kind", "raw", "one"), SPELLINGS)
def test_sixty_spellings_are_three_identities(kind: str, raw: str, one: str) -> None:
    assert len(SPELLINGS) == 60
    assert value(kind, raw) == one


LOOK_ALIKES = [
    ("email", "straße@example.org", "strasse@example.org"),
    ("email", "ma.ria@example.org", "maria@example.org"),
    ("email", "+maria@example.org", "maria@example.org"),
    ("email", "maria@example.org", "maria@example.com"),
    ("email", "maria@example.org", "maria@mail.example.org"),
    ("email", "maria@example.org", "rnaria@example.org"),
    ("email", "maría@example.org", "maria@example.org"),
    ("email", "ма@example.org", "ma@example.org"),
    ("email", "a-b@example.org", "a_b@example.org"),
    ("email", "li@ex-ample.org", "li@example.org"),
    ("email", "li@faß.example.org", "li@fass.example.org"),
    ("email", "o@example.org", "0@example.org"),
    ("email", "l@example.org", "1@example.org"),
    ("email", "ıris@example.org", "iris@example.org"),
    ("phone", "13812345678", "13812345679"),
    ("phone", "13812345678", "13912345678"),
    ("phone", "+8613812345678", "+85291234567"),
    ("phone", "+49 30 123456", "+49 30 1234567"),
    ("phone", "+1 212 555 0100", "+1 213 555 0100"),
    ("phone", "+44 20 7946 0018", "+44 20 7946 0081"),
    ("phone", "010 6552 9988", "021 6552 9988"),
    ("handle", "wang_fang", "wangfang"),
    ("handle", "wang.fang", "wang-fang"),
    ("handle", "wang1", "wangl"),
    ("handle", "0o", "oo"),
    ("handle", "рау", "pay"),
    ("handle", "王芳", "王方"),
    ("handle", "zoe", "zoë"),
    ("handle", "weiß", "weiss"),
    ("handle", "li_", "li__"),
]


@pytest.mark.parametrize(("kind", "one", "other"), LOOK_ALIKES)
def test_thirty_look_alike_pairs_stay_two_people(kind: str, one: str, other: str) -> None:
    assert len(LOOK_ALIKES) == 30
    assert key(kind, one) != key(kind, other)


# One mailbox each: mail services ignore a tag behind the name, and Gmail ignores dots and has two domains.
MAILBOXES = [
    ["maria@example.org", "maria+a@example.org", "MARIA+b+c@Example.org", "maria+@example.org"],
    ["zoë.müller+x@münchen.example.org", "zoë.müller@xn--mnchen-3ya.example.org", "zoë.müller+ü@münchen.example.org"],
    [
        "ann.lee@gmail.com",
        "annlee@gmail.com",
        "a.n.n.lee@googlemail.com",
        "Ann.Lee+0@GoogleMail.com",
        "annlee+x.y@gmail.com",
    ],
]
ALMOST = [
    ("ann.lee@example.org", "annlee@example.org"),
    ("ann.lee@mail.gmail.com", "annlee@mail.gmail.com"),
    ("annlee@gmail.com", "annlee@example.org"),
    ("annlee@gmail.com", "ann-lee@gmail.com"),
    ("+x@gmail.com", "+y@gmail.com"),
]


@pytest.mark.parametrize("spellings", MAILBOXES)
def test_the_spellings_of_one_mailbox_are_one_person_and_stay_as_they_are_written(spellings: list[str]) -> None:
    assert len({key("email", raw) for raw in spellings}) == 1
    assert len({value("email", raw) for raw in spellings}) > 1


@pytest.mark.parametrize(("one", "other"), ALMOST)
def test_addresses_that_may_be_two_mailboxes_are_two_people(one: str, other: str) -> None:
    assert key("email", one) != key("email", other)


@pytest.mark.parametrize(
    ("one", "other"), [("+54 9 11 2345 6789", "+54 11 2345 6789"), ("+378 0549 886377", "+39 0549 886377")]
)
def test_phone_numbers_that_a_telephone_company_alone_can_equate_are_two_people(one: str, other: str) -> None:
    """docs/counting-rules.md says so."""
    assert key("phone", one) != key("phone", other)


def test_a_contact_holds_a_mailbox_once() -> None:
    spelled = [
        normalise("email", raw, region="CN", key="key") for raw in ("b+1@example.org", "a@x.org", "b@example.org")
    ]
    assert [one.value for one in unique_identities(spelled)] == ["b+1@example.org", "a@x.org"]


REFUSED = {
    "phone": (
        "", " ", "\0", "\u200b", "12", "110", "hello", "+86", "1381234567", "99999999999", "+999 123 456 789",
        "138123456781381234567", "+86138123456７８９０", "１" * 400,
    ),
    "email": (
        "", "a", "a@", "@a.example", "a@b", "a b@example.org", "a@@example.org", "a@.org", "a@example..org", "a@-x.org",
        "a" * 65 + "@example.org", "a@[127.0.0.1]", "a@b.invalid", "Wang <a@example.org>", "a@localhost", "\ud800@",
        "x" * 1_000_000 + "@example.org",
    ),
    "handle": ("", "@", "a b", "a@b", "http://x", "...", "_", "x" * (MAX_HANDLE_CHARS + 1), "<b>", 'a"b'),
    "fax": ("13812345678",),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "raw"), [(kind, raw) for kind, raws in REFUSED.items() for raw in raws])
def test_what_reaches_nobody_is_refused(kind: str, raw: str) -> None:
    with pytest.raises(InvalidIdentity) as refused:
        value(kind, raw)
    assert refused.value.kind == kind
    assert str(refused.value)


@pytest.mark.parametrize("sign", [*"\u034f\u115f\u1160\u17b4\u180b\u180f\u3164\ufe00\ufe0f\uffa0", "\U000e0100"])
def test_signs_that_nobody_sees_make_nobody_else(sign: str) -> None:
    """Else one address is many people, and whoever asks to be erased is not found in the next one."""
    assert value("email", f"same.pers{sign}on@client.example") == "same.person@client.example"
    assert value("handle", f"wang{sign}_fang.88") == HANDLE
    assert value("phone", f"138{sign}12345678") == PHONE


def test_a_number_that_is_too_long_to_be_one_is_refused_before_the_library_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It took five milliseconds for each: a file of them kept a worker for twenty minutes."""
    read: list[str] = []
    monkeypatch.setattr(identity.phonenumbers, "parse", lambda text, region: read.append(text))
    with pytest.raises(InvalidIdentity):
        value("phone", "13800138000" + "," * 237 + "a")
    assert read == []


def test_a_national_number_is_read_in_the_companys_region() -> None:
    assert value("phone", "030 901820", "DE") == "+4930901820"
    assert value("phone", "(212) 555-0100", "US") == "+12125550100"


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["phone", "email", "handle"]),
    raw=st.text(max_size=60),
    tail=st.sampled_from(["", "@example.org"]),
)
def test_what_is_normalised_stays_as_it_is(kind: str, raw: str, tail: str) -> None:
    try:
        once = value(kind, raw + tail)
    except InvalidIdentity:
        return
    assert value(kind, once) == once
    assert is_storable(once)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80), st.integers(1, 40))
def test_cleaned_text_is_clean_whatever_came_in(text: str, limit: int) -> None:
    cleaned = clean_text(text, limit)
    assert clean_text(cleaned, limit) == cleaned
    assert len(cleaned) <= limit
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert is_storable(cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  Ａｌｉｃｅ\u3000艾 ", "Alice 艾"),
        ("a\tb\r\nc\0d", "a b cd"),
        ("e\u200b\u0301", "é"),
        ("a \u200b b", "a b"),
        ("\ud83d\ude00", ""),
        ("😀", "😀"),
        ("x" * 1_000_000, "x" * 200),
    ],
)
def test_text_is_cleaned_at_the_edge(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


def test_a_ligature_of_eighteen_letters_is_cut_too() -> None:
    assert len(clean_text("﷽" * 300)) == 200


def test_a_megabyte_is_refused_unread() -> None:
    with pytest.raises(InvalidIdentity, match="too long"):
        value("phone", "1" * (MAX_RAW_CHARS + 1))


def test_digests_tell_kinds_and_keys_apart() -> None:
    digests = {digest(key, kind, "1") for key in ("a", "b") for kind in ("phone", "email")}
    assert len(digests) == 4
    assert all(len(one) == 32 for one in digests)
    assert digest("k", "email", "a@b") != digest("k", "emai", "la@b")


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Corp.Example.COM", "corp.example.com"), ("@corp.example.com", "corp.example.com"),
        ("münchen.example.com", "xn--mnchen-3ya.example.com"), (" corp.local ", "corp.local"),
    ],
)  # fmt: skip
def test_the_companys_domain_is_compared_in_the_form_addresses_have(text: str, domain: str) -> None:
    assert normalise_domain(text) == domain


def test_the_domain_is_the_emails_alone() -> None:
    assert normalise("email", "a@Example.ORG", region="CN", key="k").domain == "example.org"
    assert Identity("handle", "a@example.org", b"").domain == ""


@pytest.mark.parametrize(
    ("domain", "inside"),
    [
        ("corp.example.com", True), ("mail.corp.example.com", True), ("a.b.corp.example.com", True),
        ("xcorp.example.com", False), ("example.com", False), ("corp.example.com.evil.org", False), ("", False),
    ],
)  # fmt: skip
def test_a_subdomain_is_in_the_domain(domain: str, inside: bool) -> None:
    assert in_domains(domain, ["other.example", "corp.example.com"]) is inside
    assert not in_domains(domain, [])
