"""Encoding detection: a wrong guess stores people under wrong names."""

import codecs
import io

import pytest

from apps.fileio.csv_reader import open_table
from apps.fileio.encoding_names import ENCODINGS
from apps.fileio.encodings import BINARY_SIGNATURES, check_encoding, detect_encoding, sample_lines
from apps.fileio.errors import BinaryFile, UnreadableFile, UnsureEncoding

HEADERS = {
    "german": ("cp1252", "Vorname;Nachname;Straße;Geschäftlich", "Jürgen;Weiß;Kölner Weg 1;Grüße"),
    "french": ("cp1252", "Nom;Prénom;Téléphone", "Lefèvre;Hélène;0612345678"),
    "spanish": ("cp1252", "Nombre,Teléfono móvil,Dirección", "Begoña Núñez,612345678,Calle de la Cigüeña"),
    "italian": ("cp1252", "Nome;Città;Società", "Niccolò;Forlì;Più S.p.A."),
    "portuguese": ("cp1252", "Nome;Endereço;Informações", "João;Praça da Sé;não"),
    "dutch": ("cp1252", "Naam;Patiëntnr;Categorieën", "Daniël;7;één"),
    "polish": ("cp1250", "Imię;Nazwisko;Telefon komórkowy", "Łukasz;Żółć;600100200"),
    "russian": ("cp1251", "Имя;Фамилия;Телефон", "Иван;Щукин;84951234567"),
    "japanese": ("cp932", "氏名,フリガナ,電話番号", "山田太郎,ヤマダタロウ,0312345678"),
    "simplified": ("gb18030", "姓名,手机,备注", "王芳,13812345678,朋友"),
    "traditional": ("big5", "姓名,手機,備註", "陳怡君,0912345678,朋友"),
}
VOCABULARY = frozenset(
    cell.lower()
    for _, header, _ in HEADERS.values()
    for cell in header.replace(";", ",").split(",")
    if not cell.isascii()
)
LANGUAGES = [pytest.param(*case, id=language) for language, case in HEADERS.items()]
# Their headers are the same letters in two code pages, but their names are not: Lefèvre or Lefčvre.
UNDECIDED = ("french", "spanish")
DECIDED = [pytest.param(*case, id=language) for language, case in HEADERS.items() if language not in UNDECIDED]


def detect(content: bytes, vocabulary: frozenset[str] = VOCABULARY) -> str:
    raw = io.BytesIO(content)
    found = detect_encoding(raw, vocabulary=vocabulary)
    assert raw.tell() == 0
    return found


def candidates(content: bytes, vocabulary: frozenset[str] = VOCABULARY) -> list[str]:
    with pytest.raises(UnsureEncoding, match=r"near line \d+: not UTF-8 text") as unsure:
        detect(content, vocabulary)
    return unsure.value.candidates


@pytest.mark.parametrize(("encoding", "header", "row"), DECIDED)
@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "quoted"])
def test_the_header_words_reveal_the_encoding(encoding: str, header: str, row: str, quoted: bool) -> None:
    separator = ";" if ";" in header else ","
    if quoted:
        header = '\r\n"' + header.replace(separator, f'"{separator} "') + '"'
    assert detect(f"{header}\r\n{row}\r\n".encode(encoding)) == encoding


@pytest.mark.parametrize(("legacy", "header", "row"), LANGUAGES)
@pytest.mark.parametrize(
    ("mark", "encoding", "found"),
    [
        (b"", "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
        (b"", "utf-32-le", "utf-32-le"),
        (b"", "utf-32-be", "utf-32-be"),
    ],
)
def test_unicode_is_recognised_without_a_vocabulary(
    legacy: str, header: str, row: str, mark: bytes, encoding: str, found: str
) -> None:
    content = mark + f"{header}\r\n{row}\r\n".encode(encoding)
    assert detect(content, frozenset()) == found
    with open_table(io.BytesIO(content)) as table:
        assert table.separator.join(table.header) == header
        assert [table.separator.join(record.values) for record in table] == [row]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_the_chinese_number_one_does_not_hide_utf_16(encoding: str) -> None:
    assert detect("姓名,电话\r\n丁一,1381234\r\n王一一,1391234\r\n".encode(encoding)) == encoding


@pytest.mark.parametrize(("encoding", "header", "row"), LANGUAGES)
def test_an_unknown_header_needs_a_choice_and_the_right_encoding_is_first(encoding: str, header: str, row: str) -> None:
    if encoding == "cp1250":
        row += "\nŁukasz Wójcik\nZdzisław Śliwiński\nBłażej Gąsior"
    found = candidates(f"{header}\n{row}\n".encode(encoding), frozenset())
    assert found[0] == encoding
    assert set(found) <= set(ENCODINGS)


def test_a_letter_far_down_the_file_is_checked_too() -> None:
    assert candidates(b"name\n" + b"x\n" * 100_000 + "Щукин\nИван\n".encode("cp1251"))[0] == "cp1251"


WESTERN = frozenset({"straße", "prénom", "téléphone"})


@pytest.mark.parametrize("surname", ["Núñez", "Lefèvre", "Dvořák", "Černý", "Ångström", "Łukasz", "Jiří"])
@pytest.mark.parametrize("header", ["Vorname;Straße", "Prénom;Téléphone"])
def test_a_name_that_differs_between_code_pages_needs_a_choice(header: str, surname: str) -> None:
    for encoding in ("cp1252", "cp1250"):
        if surname.encode(encoding, "ignore").decode(encoding) != surname:
            continue
        with pytest.raises(UnsureEncoding, match=r"reads differently as cp1252 and as cp1250") as unsure:
            detect(f"{header}\n{surname};1\n".encode(encoding), WESTERN)
        assert {"cp1252", "cp1250"} <= set(unsure.value.candidates)


@pytest.mark.parametrize("surname", ["Söderström", "Müller-Weiß", "André", "Gönül Öztürk"])
@pytest.mark.parametrize("header", ["Vorname;Straße", "Prénom;Téléphone"])
def test_a_name_that_is_equal_in_all_code_pages_needs_no_choice(header: str, surname: str) -> None:
    assert detect(f"{header}\n{surname};1\n".encode("cp1252"), WESTERN) == "cp1252"


def test_equal_readings_are_offered_once() -> None:
    found = candidates("Vorname;Straße\nŁukasz;1\n".encode("cp1250"), WESTERN)
    raw = io.BytesIO("Vorname;Straße\nŁukasz;1\n".encode("cp1250"))
    readings = [tuple(sample_lines(raw, encoding)) for encoding in found]
    assert len(set(readings)) == len(readings)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("windows-1250", "cp1250"), ("Windows-1252", "cp1252"), ("cp1250", "cp1250"), ("latin2", "iso8859-2"),
        ("ISO-8859-2", "iso8859-2"), ("latin1", "cp1252"), ("GBK", "gb18030"), ("gb2312", "gb18030"),
        ("Shift_JIS", "cp932"), ("x-sjis", "cp932"), ("utf8", "utf-8"), ("UTF-32", "utf-32"), ("koi8-r", "koi8-r"),
    ],
)  # fmt: skip
def test_the_encoding_names_of_other_programs_are_accepted(name: str, codec: str) -> None:
    assert check_encoding(io.BytesIO("name\nx\n".encode(codec)), name) == codec


@pytest.mark.parametrize(
    "name", ["klingon", "rot13", "hex", "unicode_escape", "raw-unicode-escape", "utf-7", "idna", "\0", "é"]
)
def test_an_unknown_encoding_name_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFile, match="is not a supported encoding: use one of utf-8, "):
        check_encoding(io.BytesIO(b"name\nx\n"), name)


@pytest.mark.parametrize(
    "row", ["Wei\xdf", "M\xfcller", "Lef\xe8vre", "\xc8\xe2\xe0\xed", "\xcd\xf5\xb7\xbc", "\xa4\xfd\xaa\xda"]
)
def test_a_short_file_with_a_plain_header_needs_a_choice(row: str) -> None:
    found = candidates(b"name,phone\n" + row.encode("latin-1") + b",1\n")
    assert len(found) > 1


CHINESE = "王芳,李娜,张伟,刘洋,陈静,杨勇,赵敏,周涛,谢谢，好的"


def test_unmistakable_chinese_needs_no_header() -> None:
    assert detect(f"name\n{CHINESE}\n".encode("gb18030")) == "gb18030"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("王芳,李娜,张伟", "gb18030"),
        (CHINESE + ",珺", "gb18030"),
        (CHINESE + ",㐀", "gb18030"),
        ("김민수,이영희,박지훈,최수진,정대현,강하늘", "cp949"),
        ("陳怡君,林志豪,黃雅婷,張家豪,李淑芬", "big5"),
        ("山田太郎,佐藤花子,鈴木一郎,高橋健", "cp932"),
        ("ﾔﾏﾀﾞﾀﾛｳ,ｻﾄｳﾊﾅｺ,ｽｽﾞｷｲﾁﾛｳ,ｷﾑﾗﾀｸﾔ", "cp932"),
        ("ИВАНОВ,ПЕТР,СИДОРОВА,ОЛЬГ,КОНСТАНТИН,РОМАНОВ,ПЕТР", "cp1251"),
        ("СТОПСТОП,ТОПОТТОП,СПОРТСПОРТ", "cp1251"),
        ("Éé,ÉÉÉÉ,ÔÔÔÔÔÔ,ÀÀÀÀÀÀ,ÈÈÈÈÈÈ", "cp1252"),
    ],
)
def test_text_that_may_not_be_chinese_needs_a_choice(text: str, encoding: str) -> None:
    assert encoding in candidates(f"name\n{text}\n".encode(encoding))


def test_a_polish_header_word_in_two_code_pages_needs_a_choice() -> None:
    content = "Telefon komórkowy\nŁukasz\n".encode("cp1250")
    found = candidates(content, frozenset({"telefon komórkowy"}))
    assert found[0] == "cp1250"
    assert "cp1252" in found
    assert detect("Telefon komórkowy\nWójcik\n".encode("cp1250"), frozenset({"telefon komórkowy"})) == "cp1252"


def test_the_encoding_with_more_known_header_words_wins() -> None:
    content = "komórka;imię\nx;ł\n".encode("cp1250")
    assert detect(content, frozenset({"komórka", "imię"})) == "cp1250"
    assert detect(content, frozenset({"komórka", "imiê"})) == "cp1252"


@pytest.mark.parametrize("content", [b"na\0me\nx\n", b"name,phone\nx\0\0,1\n\0,2\n", b"name\nx\0", b"\0\0", b""])
def test_stray_nuls_do_not_mean_utf_16(content: bytes) -> None:
    assert detect(content) == "utf-8"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (codecs.BOM_UTF8 + b"name\nx\n\xff\n", "near line 3: not UTF-8 text"),
        (codecs.BOM_UTF16_LE + "name\nx\n".encode("utf-16-le") + b"\x00\xd8x\0", "near line 3: not UTF-16 text"),
        ("name\nx\nyyyy".encode("utf-16-le") + b"\n", "near line 3: not UTF-16-LE text"),
        ("Straße\nx\n".encode() + b"\xff\n", "near line 3: not UTF-8 text"),
        (b"name\nx\n\xff\xff\x81\x98\x00\xff\x81\x0a", "near line 3: not UTF-8 text"),
    ],
    ids=["utf-8 with mark", "utf-16 with mark", "half of utf-16", "utf-8 by its header", "nothing at all"],
)
def test_an_undecodable_file_is_refused_with_the_line(content: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words) as refused:
        detect(content)
    assert not isinstance(refused.value, UnsureEncoding)


def test_a_wrong_chosen_encoding_is_refused_with_the_line() -> None:
    with pytest.raises(UnreadableFile, match=r"near line 2: not CP932 text\. Choose another encoding"):
        check_encoding(io.BytesIO(b"name\n\x81\n"), "cp932")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_offered_encoding_can_be_read(encoding: str) -> None:
    with open_table(io.BytesIO("name\nx\n".encode(encoding)), encoding=encoding) as table:
        assert [record.values for record in table] == [["x"]]


def test_a_character_across_two_chunks_is_complete() -> None:
    for offset in range(2):
        content = b"name\n" + b"x" * offset + ("王芳张伟" * 100_000).encode("gb18030") + b"\n"
        assert detect(content) == "gb18030"


def test_a_preview_shows_only_the_lines_that_differ() -> None:
    raw = io.BytesIO("name\nx\nMüller\ny\nWeiß\nÄ".encode("cp1252") + b"\xe4" * 500 + "\nÖ\n".encode("cp1252"))
    assert sample_lines(raw, "cp1252") == ["Müller", "Weiß", "Ä" + "ä" * 199]
    assert sample_lines(raw, "utf-8", lines=1) == ["M\ufffdller"]
    assert raw.tell() == 0


@pytest.mark.parametrize("beginning", BINARY_SIGNATURES)
def test_a_workbook_or_a_picture_is_never_read_as_text(beginning):
    """Its packed bytes are letters in some encoding: the user would have to choose between wrong readings."""
    file = io.BytesIO(beginning + "Иван;Щукин\n".encode("cp1251") * 50)
    with pytest.raises(BinaryFile, match="a workbook or a packed file, not text"):
        detect_encoding(file)
    with pytest.raises(BinaryFile):
        check_encoding(file, "cp1251")
    assert file.tell() == 0
