"""The quick ways through the choke point answer exactly as the libraries do: else somebody is taken for another."""

import random
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apps.core import identity
from apps.core.identity import InvalidIdentity


def answer(ask: Callable[..., str], *arguments: str) -> str:
    """What comes out, or that nothing does."""
    try:
        return ask(*arguments)
    except InvalidIdentity:
        return "refused"


def spellings(digits: str) -> list[str]:
    grouped = [f"{digits[:3]}{gap}{digits[3:7]}{gap}{digits[7:]}" for gap in ("", " ", "-")]
    return [*grouped, *(f"+86{gap}{one}" for gap in ("", " ", "-") for one in grouped)]


@pytest.mark.parametrize("region", ["CN", "US"])
def test_every_beginning_of_a_chinese_mobile_number_is_judged_as_by_the_library(region: str) -> None:
    dice = random.Random(1)
    for start in range(13_000, 20_000):
        digits = f"{start}{dice.randrange(10**6):06}"
        text = dice.choice(spellings(digits))
        assert identity.CHINESE_MOBILE.fullmatch(text)
        ours, library = answer(identity.normalise_phone, text, region), answer(identity._parse_phone, text, region)
        assert ours == library, text


@given(st.from_regex(r"(\+86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}", fullmatch=True), st.sampled_from(["CN", "US", "DE"]))
@settings(max_examples=300, deadline=None)
def test_a_mobile_number_in_any_spelling_is_read_as_by_the_library(text: str, region: str) -> None:
    assert answer(identity.normalise_phone, text, region) == answer(identity._parse_phone, text, region)


LABEL = st.from_regex(r"[A-Za-z0-9-]{1,12}", fullmatch=True)
DOMAIN = st.lists(LABEL, min_size=1, max_size=4).map(".".join) | st.sampled_from(
    ["gmail.com", "QQ.com", "x.local", "a.test", "xn--mnchen-3ya.example.org", "example.org.", "a..b", "1.2.3.4", "x.c"]
)
LOCAL = st.from_regex(r"[A-Za-z0-9_+.-]{1,20}", fullmatch=True) | st.integers(60, 70).map(lambda n: "a" * n)


@given(LOCAL, DOMAIN)
@example("a" * 64, ".".join(["b" * 60] * 3) + ".com")
@example("a" * 64, ".".join(["b" * 61] * 3) + ".info")
@example("a", ".".join(["b" * 63] * 3) + "." + "c" * 60)
@example("a", ".".join(["b" * 63] * 3) + "." + "c" * 61)
@settings(max_examples=600, deadline=None)
def test_a_plain_address_is_read_as_by_the_library(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    assert answer(identity.normalise_email, text) == answer(identity._parse_email, text)


def test_most_addresses_take_the_quick_way_so_that_the_comparison_means_something() -> None:
    asked: list[str] = []
    patch = pytest.MonkeyPatch()
    patch.setattr(identity, "_parse_email", lambda text: asked.append(text) or "x@plain.example.org")
    identity._valid_email_domain.cache_clear()
    try:
        for n in range(50):
            identity.normalise_email(f"Guest.{n}+tag@plain.example.org")
    finally:
        patch.undo()
        identity._valid_email_domain.cache_clear()
    assert asked == ["x@plain.example.org"]


FOREIGN = st.text(st.sampled_from("aZ09-.äßéйאあ。ﬁİı\u0301\u200d@ "), min_size=1, max_size=12)
FOREIGN_DOMAIN = FOREIGN.map(lambda text: f"{text}ü.example.org") | st.lists(
    st.sampled_from(["münchen", "ÄRZTE", "א" * 9, "例え", "b" * 60, "faß"]), min_size=1, max_size=5
).map(lambda labels: ".".join([*labels, "みんな.example"]))


@given(LOCAL, FOREIGN_DOMAIN)
@example("a" * 64, ".".join(["א" * 9] * 8) + ".de")
@example("a" * 64, ".".join(["ü" + "b" * 50] * 3) + ".de")
@settings(max_examples=600, deadline=None)
def test_an_address_with_an_international_domain_is_read_as_by_the_library(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    assert answer(identity.normalise_email, text) == answer(identity._parse_email, text)


def test_an_international_domain_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the library milliseconds."""
    asked: list[str] = []
    library = identity._parse_email
    monkeypatch.setattr(identity, "_parse_email", lambda text: asked.append(text) or library(text))
    identity._valid_email_domain.cache_clear()
    found = {identity.normalise_email(f"Guest.{n}@münchen.example.org") for n in range(50)}
    assert (len(found), asked) == (50, ["x@münchen.example.org"])
    assert "guest.7@xn--mnchen-3ya.example.org" in found


@pytest.mark.parametrize(
    ("kind", "text"), [("handle", "@łukasz"), ("email", "łukasz@example.org"), ("phone", "＋8613800138000")]
)
def test_a_text_is_normalised_once_before_its_kind_is_looked_at(
    kind: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleaned: list[str] = []
    clean = identity.clean_text
    monkeypatch.setattr(identity, "clean_text", lambda *given: cleaned.append(given[0]) or clean(*given))
    identity.normalise(kind, text, region="CN", key="k")
    assert cleaned == [text]


@pytest.mark.parametrize("kind", identity.KINDS)
def test_a_text_that_normalisation_makes_too_long_is_refused_at_once(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("normalise_phone", "normalise_email", "normalise_handle"):
        monkeypatch.setattr(identity, name, lambda *given: pytest.fail("a text of 5,400 characters was looked at"))
    with pytest.raises(identity.IdentityTooLong):
        identity.normalise(kind, "ﷺ" * 300, region="CN", key="k")


def test_an_invalid_domain_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a small file that repeats one slow domain keeps a worker for a minute."""
    identity._valid_email_domain.cache_clear()
    parsed: list[str] = []
    parse = identity._parse_email
    monkeypatch.setattr(identity, "_parse_email", lambda text: parsed.append(text) or parse(text))
    assert {answer(identity.normalise_email, f"a{n}@{'é' * 200}.example") for n in range(9)} == {"refused"}
    assert len(parsed) == 1
