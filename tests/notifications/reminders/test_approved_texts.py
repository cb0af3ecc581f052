"""The texts of reminders: managers choose what HR has approved, and a sent text never changes."""

from functools import partial

import pytest

from apps.core.errors import Refused
from apps.core.models import AuditEntry
from apps.core.text import clean_prose
from apps.notifications.models import ReminderText
from apps.notifications.reminders import approved_texts
from apps.notifications.reminders.approved_texts import add_text, change_text, withdraw_text
from tests import crowd, reviewing
from tests.people import TESTER
from tests.reminding import text

pytestmark = pytest.mark.django_db


def test_a_change_is_a_new_version_and_the_former_one_stays() -> None:
    first = text()
    second = change_text(text_id=first.pk, title="Longer", text_en="Hello", text_zh="你好", by=TESTER)
    assert (second.version, second.replaces_id) == (2, first.pk)
    assert list(ReminderText.objects.current()) == [second]
    first.refresh_from_db()
    assert (first.text_en, first.withdrawn_by_label) == ("Shall we talk?", "test")
    actions = AuditEntry.objects.order_by("pk").values_list("action", "subject_label")
    assert list(actions) == [("reminder.text_added", "Short (v1)"), ("reminder.text_changed", "Longer (v2)")]


def test_what_another_changed_or_withdrew_meanwhile_is_not_overwritten() -> None:
    first = text()
    change_text(text_id=first.pk, title="Short", text_en="B", text_zh="乙", by=TESTER)
    late = partial(change_text, text_id=first.pk, title="Short", text_en="C", text_zh="丙", by=TESTER)
    assert reviewing.refusal(late) == "changed"
    assert ReminderText.objects.current().get().text_en == "B"
    assert withdraw_text(text_id=ReminderText.objects.current().get().pk, by=TESTER) is True
    assert withdraw_text(text_id=first.pk, by=TESTER) is False
    assert not ReminderText.objects.current().exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_is_refused() -> None:
    first = text()
    works = [
        partial(change_text, text_id=first.pk, title="Short", text_en=letter, text_zh=letter, by=TESTER)
        for letter in "AB"
    ]
    outcomes = crowd.at_once(*works)
    assert [outcome.code for outcome in outcomes if isinstance(outcome, Refused)] == ["changed"]
    assert ReminderText.objects.count() == 2


def test_two_texts_of_one_title_are_refused_and_a_withdrawn_title_is_free() -> None:
    first = text()
    assert reviewing.refusal(text) == "duplicate"
    withdraw_text(text_id=first.pk, by=TESTER)
    assert text().version == 1


@pytest.mark.parametrize("empty", ["title", "text_en", "text_zh"])
def test_a_text_of_invisible_characters_is_refused(empty: str) -> None:
    terms = {"title": "x", "text_en": "x", "text_zh": "x"} | {empty: "\u200b \x07"}
    assert reviewing.refusal(add_text, **terms, by=TESTER) == "empty"


def test_full_width_punctuation_and_paragraphs_stay() -> None:
    assert clean_prose("  你好，世界！\r\n\r\n\r\n（再见）\x00\u202e \n", 100) == "你好，世界！\n\n（再见）"


@pytest.mark.parametrize(
    "link",
    [
        "https://a.example/x", "www.a", "a.example", "SHOP.DE/x", "me@home", "看wiki.corp", "example.рф", "例子.中国",
        "example。com", "example．com", "192.0.2.7", "看192.0.2.7/x", "//example/x",
    ],
)  # fmt: skip
def test_no_text_teaches_readers_to_follow_links(link: str) -> None:
    for field in ("text_en", "text_zh"):
        assert reviewing.refusal(text, **{field: f"See {link} now"}) == "link"


def test_full_stops_and_numbers_are_no_link() -> None:
    assert (
        text(text_en="Do 3.5 a day, e.g. at noon. Thanks...", text_zh="每天3.5位。谢谢！用Hundred。再见。").version == 1
    )


def test_so_many_texts_are_current_that_a_page_shows_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approved_texts, "MAX_TEXTS", 2)
    first = text(title="A")
    text(title="B")
    assert reviewing.refusal(text, title="C") == "too_many"
    change_text(text_id=first.pk, title="A", text_en="B", text_zh="乙", by=TESTER)
    withdraw_text(text_id=ReminderText.objects.current()[0].pk, by=TESTER)
    assert text(title="C").version == 1


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_for_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approved_texts, "MAX_TEXTS", 1)
    crowd.at_once(*[partial(text, title=title) for title in "ABCD"])
    assert ReminderText.objects.count() == 1
