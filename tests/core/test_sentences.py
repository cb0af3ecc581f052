"""Texts of several sentences read as in a book, in both languages."""

from django.utils import translation

from apps.core.sentences import join_names, join_sentences


def test_sentences_are_joined_as_the_language_writes_them() -> None:
    assert join_sentences(["One.", "", "Two.", "Three."]) == "One. Two. Three."
    assert join_sentences([]) == ""
    with translation.override("zh-hans"):
        assert join_sentences(["第一句。", "", "第二句。"]) == "第一句。第二句。"


def test_lists_are_joined_as_the_language_writes_them() -> None:
    assert join_names(["Ann", "Bob"]) == "Ann, Bob"
    with translation.override("zh-hans"):
        assert join_names(["王伟", "李娜"]) == "王伟、李娜"
