"""The Chinese catalogue is complete: a page that is half English looks broken."""

import re

import polib
import pytest
from django.test import Client

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from scripts import catalogue
from tests import people

PATHS = re.compile(r"%\([a-z_]+\)[sd]")


@pytest.fixture(scope="module")
def entries() -> dict[catalogue.Message, polib.POEntry]:
    return {catalogue.key(entry): entry for entry in polib.pofile(str(catalogue.CATALOGUE))}


def translations(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def test_every_string_of_the_code_is_in_it_and_nothing_else(
    entries: dict[catalogue.Message, polib.POEntry],
) -> None:
    said = set(catalogue.messages())
    advice = "run: python -m scripts.catalogue, then translate"
    assert said - set(entries) == set(), advice
    assert set(entries) - said == set(), advice


def test_every_string_is_translated_and_none_is_a_guess(entries: dict[catalogue.Message, polib.POEntry]) -> None:
    assert [entry.msgid for entry in entries.values() if not all(translations(entry))] == []
    assert [entry.msgid for entry in entries.values() if entry.fuzzy or entry.obsolete] == []


def test_translations_keep_their_places(entries: dict[catalogue.Message, polib.POEntry]) -> None:
    for message, entry in entries.items():
        wanted = set(PATHS.findall(message.text)) | set(PATHS.findall(message.plural))
        for text in translations(entry):
            assert set(PATHS.findall(text)) == wanted, message.text


def test_the_compiled_catalogue_says_the_same() -> None:
    def said(file: polib.POFile | polib.MOFile) -> dict[catalogue.Message, list[str]]:
        return {catalogue.key(entry): translations(entry) for entry in file}

    assert said(polib.mofile(str(catalogue.COMPILED))) == said(polib.pofile(str(catalogue.CATALOGUE)))


@pytest.mark.django_db
def test_a_page_is_chinese_for_who_reads_chinese(alice: Employee, campaign: Campaign) -> None:
    client = people.sign_in(Client(headers={"accept-language": "zh-CN,zh;q=0.9"}), alice)
    html = client.get("/").content.decode()
    assert '<html lang="zh-hans">' in html
    assert "标红：还差 100" in html
    assert "上海时间 11月30日 星期一 23:59 截止" in html
