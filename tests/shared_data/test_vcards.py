"""Real files of phones and programs: every card, name and identity in them, as read by eye."""

import io
from pathlib import Path

import pytest

from apps.fileio.vcards.reader import Card, looks_like_vcards, needs_encoding, read_cards
from tests import plugin

pytestmark = pytest.mark.shared
FOLDER = plugin.SHARED / "data" / "vcards"


def card(line: int, name: str, *identities: str) -> Card:
    """A card; an identity with an @ is an e-mail address, any other a phone."""
    return Card(line, name, tuple(("email" if "@" in text else "phone", text) for text in identities))


# The nests come before the card they stand in. A fax, a pager and an assistant's phone are never taken; the 2.1 file of
# backslashes keeps those of FN, which has no escapes there.
EXPECTED = {
    "aosp-v21_android_custom_prop": [
        card(1, ""),
    ],
    "aosp-v21_backslash": [
        card(1, "A;B\\C\\;D:E\\\\"),
    ],
    "aosp-v21_base64_no_2_crlf": [
        card(1, "fullname"),
    ],
    "aosp-v21_blackberry_photo": [
        card(1, "boogie", "+5555555", "+5555556", "forrestgump@walladalla.com"),
    ],
    "aosp-v21_im": [
        card(1, ""),
    ],
    "aosp-v21_invalid_multiple_line": [
        card(1, "Omega", "omega@example.com"),
    ],
    "aosp-v21_japanese_1": [
        card(1, "安藤ロイド", "0300000000"),
    ],
    "aosp-v21_japanese_3": [
        card(1, "伊能 圭一 伊予"),
    ],
    "aosp-v21_malformed_photo": [
        card(1, "fullname"),
    ],
    "aosp-v21_multiple_entry": [
        card(1, "安藤ロイド3", "9", "10", "11"),
        card(12, "安藤ロイド4", "15", "16"),
        card(23, "安藤ロイド5", "17", "18", "19", "20"),
    ],
    "aosp-v21_nest": [
        card(4, "nest1"),
        card(8, "nest2"),
        card(1, "parent", "1"),
    ],
    "aosp-v21_org_before_title": [
        card(1, "Normal Guy"),
    ],
    "aosp-v21_pref_handling": [
        card(1, "Smith", "1", "2", "3", "test@example.com", "test2@examination.com"),
    ],
    "aosp-v21_simple_1": [
        card(1, "Roid Ando"),
    ],
    "aosp-v21_simple_2": [
        card(1, "Ando Roid"),
    ],
    "aosp-v21_simple_3": [
        card(1, "Ando Roid"),
    ],
    "aosp-v21_sip": [
        card(1, "Android"),
    ],
    "aosp-v21_title_before_org": [
        card(1, "Nice Guy"),
    ],
    "aosp-v21_winmo_65": [
        card(1, "Example"),
    ],
    "aosp-v21_x_android_custom_after_photo": [
        card(1, "Roid Ando"),
    ],
    "aosp-v21_x_param": [
        card(1, "Roid Ando", "1", "2", "email@example.com", "email2@example.com"),
    ],
    "aosp-v30_comma_separated": [
        card(1, "G M F", "1"),
    ],
    "aosp-v30_japanese": [
        card(1, "伊能 圭一 伊予"),
    ],
    "aosp-v30_multibyte_param": [
        card(1, "G M F", "1"),
    ],
    "aosp-v30_pager": [
        card(1, "G M F"),
    ],
    "aosp-v30_pause_wait": [
        card(1, "Pause Wait", "1234"),
    ],
    "aosp-v30_simple": [
        card(1, "And Roid", "0300000000"),
    ],
    "aosp-v30_sip": [
        card(1, "Android"),
    ],
    "aosp-v40_sip": [
        card(1, "安藤 ロイド", "1"),
    ],
    "aosp-v40_sort_as": [
        card(1, "安藤 ロイド"),
    ],
    "ez-John_Doe_BLACK_BERRY": [
        card(1, "John Doe", "+96123456789"),
    ],
    "ez-John_Doe_EVOLUTION": [
        card(1, "Mr. John Richter, James Doe Sr.", "905-666-1234", "905-555-1234", "john.doe@ibm.com"),
    ],
    "ez-John_Doe_GMAIL": [
        card(1, "Mr. John Richter, James Doe Sr.", "john.doe@ibm.com", "905-555-1234", "905-666-1234"),
    ],
    "ez-John_Doe_MAC_ADDRESS_BOOK": [
        card(1, "Mr. John Richter,James Doe Sr.", "john.doe@ibm.com", "905-777-1234", "905-666-1234", "905-555-1234"),
    ],
    "ez-fullcontact": [
        card(
            1,
            "Prefix FirstName MiddleName LastName Suffix",
            "555-555-1111",
            "555-555-1112",
            "555-555-1113",
            "555-555-1114",
            "555-555-1115",
            "555-555-1118",
            "555-555-1119",
            "home@example.com",
            "work@example.com",
            "school@example.com",
            "other@example.com",
            "custom@example.com",
        ),
    ],
    "ez-gmail-list": [
        card(1, "Arnold Smith", "asmithk@gmail.com"),
        card(7, "Chris Beatle", "chrisy55d@yahoo.com"),
        card(13, "Doug White", "dwhite@gmail.com"),
    ],
    "ez-gmail-single": [
        card(1, "Greg Dartmouth", "gdartmouth@hotmail.com", "555 555 1111", "555 555 2222"),
    ],
    "ez-gmail-single2": [
        card(
            1,
            "VCard Test",
            "email@example.com",
            "homeemail@example.com",
            "workemail@example.com",
            "otheremail@example.com",
            "customcategory@example.com",
            "5555551111",
            "5555551112",
            "5555551113",
            "5555551114",
            "5555551115",
            "5555551116",
            "5555551119",
            "5555551121",
        ),
    ],
    "ez-rfc2426-example": [
        card(1, "Frank Dawson", "+1-919-676-9515", "Frank_Dawson@Lotus.com", "fdawson@earthlink.net"),
        card(13, "Tim Howes", "+1-415-937-3419", "howes@netscape.com"),
    ],
    "ez-rfc6350-example": [
        card(1, "Simon Perreault", "+1-418-656-9254", "+1-418-262-6501", "simon.perreault@viagenie.ca"),
    ],
    "ez-thunderbird-MoreFunctionsForAddressBook-extension": [
        card(
            1,
            "John Doe",
            "555-555-1111",
            "555-555-2222",
            "555-555-5555",
            "doe.john@hotmail.com",
            "additional-email@company.com",
            "additional-email1@company.com",
            "additional-email2@company.com",
            "additional-email3@company.com",
        ),
    ],
    "hard-John_Doe_IPHONE": [
        card(1, "Mr. John Richter James Doe Sr.", "john.doe@ibm.com", "905-555-1234", "905-666-1234", "905-777-1234"),
    ],
    "hard-outlook-2003": [
        card(1, "John Doe III", "BusinessPhone", "HomePhone", "MobilePhone", "jdoe@hotmail.com"),
    ],
    "hard-v21_nest": [
        card(4, "nest1"),
        card(8, "nest2"),
        card(1, "parent", "1"),
    ],
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_real_file_gives_every_person_in_it(name: str) -> None:
    content = (FOLDER / f"{name}.vcf").read_bytes()
    assert looks_like_vcards(content[:100])
    assert not needs_encoding(io.BytesIO(content))
    assert list(read_cards(io.BytesIO(content))) == EXPECTED[name]


def test_no_real_file_was_left_out() -> None:
    assert sorted(EXPECTED) == sorted(path.stem for path in FOLDER.glob("*.vcf"))


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\r\r\n"])
def test_a_real_file_says_the_same_with_any_line_ends(end: bytes) -> None:
    path: Path = FOLDER / "ez-gmail-single2.vcf"
    content = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", end)
    assert list(read_cards(io.BytesIO(content))) == EXPECTED[path.stem]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32"])
def test_real_files_say_the_same_in_wide_letters(encoding: str) -> None:
    for name in ("aosp-v40_sort_as", "aosp-v21_multiple_entry", "ez-fullcontact"):
        text = (FOLDER / f"{name}.vcf").read_bytes().decode("cp932" if "multiple" in name else "utf-8")
        assert list(read_cards(io.BytesIO(text.encode(encoding)))) == EXPECTED[name]
