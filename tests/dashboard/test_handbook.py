"""`/handbook/`: HR reads the handbook without another host, in Chinese too, and each of its links leads somewhere."""

import re
from urllib.parse import unquote

import polib
import pytest

from apps.campaigns.models import Campaign
from apps.dashboard.views.company.handbook import PAGES, _document, _flat, _languages_of
from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient

pytestmark = pytest.mark.django_db
DOCUMENTS = [(name, language) for name in PAGES for language in _languages_of(name)]
IN_CHINESE = [name for name, language in DOCUMENTS if language == "zh-hans"]


def read(client: StrictClient, name: str, language: str) -> str:
    return client.get(f"/handbook/{name}/?language={language}").content.decode()


def article(page: str) -> str:
    return page[page.index("<article") : page.index("</article>")]


def test_hr_opens_the_handbook_from_every_page(as_: SignIn, campaign: Campaign, hr: Employee, bob: Employee) -> None:
    client = as_(hr)
    for address in ("/", "/company/", "/exports/"):
        assert 'href="/handbook/"' in client.get(address).content.decode()
    assert "A month with Hundred" in client.get("/handbook/").content.decode()
    assert 'href="/handbook/"' not in as_(bob).get("/").content.decode()


@pytest.mark.parametrize(("name", "language"), DOCUMENTS)
def test_every_link_and_picture_of_a_document_is_there(as_: SignIn, hr: Employee, name: str, language: str) -> None:
    client = as_(hr)
    page = read(client, name, language)
    text = article(page)
    for source in re.findall(r'<img src="([^"]+)"', text):
        assert client.get(source).status_code == 200, source
    for address in re.findall(r'<a href="([^"]*)"', text):
        path, _mark, anchor = address.partition("#")
        assert path.startswith("/handbook/") or (anchor and not path), f"{address} needs another host"
        target = client.get(path).content.decode() if path else page
        assert not anchor or f'id="{unquote(anchor)}"' in target, address
    assert "<script" not in text
    assert "&lt;p&gt;" not in text, "layout for the repository's own pages"


@pytest.mark.parametrize(("name", "language"), DOCUMENTS)
def test_the_list_of_contents_leads_to_every_section(as_: SignIn, hr: Employee, name: str, language: str) -> None:
    page = read(as_(hr), name, language)
    contents = page[page.index('aria-labelledby="contents"') : page.index("<article")]
    anchors = re.findall(r'href="#([^"]+)"', contents)
    assert anchors == re.findall(r'<h[23] id="([^"]+)"', article(page))
    assert len(set(anchors)) == len(anchors), "two sections of one name: a link leads to the wrong one"
    assert page.count("<h1") == 1


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_picture_has_its_size_before_it_is_loaded(as_: SignIn, hr: Employee, language: str) -> None:
    """Without it the text jumps down under the reader's eyes."""
    pictures = re.findall(r"<img [^>]+>", article(read(as_(hr), "hr-handbook", language)))
    assert len(pictures) == 12
    for picture in pictures:
        assert 'width="1024"' in picture
        assert re.search(r'height="[5-9]\d\d"|height="1\d{3}"', picture), picture


def test_a_chinese_reader_reads_chinese_and_can_switch(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    page = client.get("/handbook/", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert '<article class="card document" lang="zh-hans">' in page
    assert "用 Hundred 走完一个月" in page
    assert 'href="/handbook/hr-handbook/?language=en"' in page
    switched = client.get("/handbook/hr-handbook/?language=en", headers={"Accept-Language": "zh-hans"})
    assert "A month with Hundred" in switched.content.decode()
    assert "A month with Hundred" in client.get("/handbook/?language=xx").content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_a_document_without_a_translation_says_so(as_: SignIn, hr: Employee, name: str) -> None:
    page = read(as_(hr), name, "zh-hans")
    assert ("This document is in English." in page) is (name not in IN_CHINESE)


@pytest.mark.parametrize("name", IN_CHINESE)
def test_a_translation_has_the_sections_tables_and_pictures_of_the_original(name: str) -> None:
    """Other documents lead to its sections by the anchors of the original."""
    original, translated = (_document(name, language) for language in ("en", "zh-hans"))
    assert [section.anchor for section in _flat(translated.sections)] == [
        section.anchor for section in _flat(original.sections)
    ]
    assert [len(section.sections) for section in translated.sections] == [
        len(section.sections) for section in original.sections
    ]
    for part in ("<img", "<tr>"):
        assert translated.html.count(part) == original.html.count(part), part


@pytest.mark.parametrize("name", IN_CHINESE)
def test_a_translation_uses_the_words_of_the_chinese_pages(name: str) -> None:
    catalogue = polib.pofile(str(BASE_DIR / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"))
    shown = {entry.msgstr for entry in catalogue if not entry.obsolete}
    text = (BASE_DIR / "docs" / "zh" / f"{name}.md").read_text(encoding="utf-8")
    labels = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", text)
    assert [label for label in labels if label not in shown] == []


def test_no_other_document_is_served(as_: SignIn, hr: Employee) -> None:
    client = as_(hr)
    for address in ("/handbook/deployment/", "/handbook/nothing/", "/handbook/nothing.png", "/handbook/zh-nothing.png"):
        assert client.get(address).status_code == 404
