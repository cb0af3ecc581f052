"""Chances in words. A percentage sounds exact, and a wrong word makes an employee give up or rest too early."""

import pytest
from django.utils import translation

from apps.dashboard.labels.forecasts import BANDS, Chance


@pytest.mark.parametrize(
    ("value", "word", "people"),
    [
        (0.0005, "very unlikely", "fewer than 1 in 10"),
        (0.0499, "very unlikely", "fewer than 1 in 10"),
        (0.05, "very unlikely", "about 1 in 10"),
        (0.1499, "very unlikely", "about 1 in 10"),
        (0.15, "unlikely", "about 2 in 10"),
        (0.3499, "unlikely", "about 3 in 10"),
        (0.35, "about even", "about 4 in 10"),
        (0.6499, "about even", "about 6 in 10"),
        (0.65, "likely", "about 7 in 10"),
        (0.8499, "likely", "about 8 in 10"),
        (0.85, "very likely", "about 9 in 10"),
        (0.9499, "very likely", "about 9 in 10"),
        (0.95, "very likely", "more than 9 in 10"),
        (0.9995, "very likely", "more than 9 in 10"),
    ],
)
def test_word_and_number_agree_and_nothing_sounds_certain(value: float, word: str, people: str) -> None:
    chance = Chance(value)
    assert chance.band.word == word
    assert chance.people.replace("\N{NO-BREAK SPACE}", " ") == people
    assert chance.is_likely == (value >= 0.65)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_band_has_words_of_its_own_without_a_percentage(language: str) -> None:
    with translation.override(language):
        words = [str(band.word) for band in BANDS]
        answers = [str(band.answer) % {"target": "100"} for band in BANDS]
        people = [Chance(tenth / 10).people for tenth in range(11)]
        assert len(set(words)) == len(set(answers)) == 5
        assert all("100" in answer for answer in answers)
        assert len(set(people)) == 11
        assert not any("%" in text for text in (*words, *answers, *people))
