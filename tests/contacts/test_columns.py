"""Headers and rows of contact lists: the right cells become people, in any language and from any program."""

import time
import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.contacts.columns import HEADER_WORDS, ROLES, VOCABULARY, PersonReader, recognise
from apps.fileio.names import is_shared_line

GOOGLE = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,"
    "Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,"
    "Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,"
    "Phone 2 - Label,Phone 2 - Value,Address 1 - Label,Address 1 - Country,Website 1 - Value"
)
OUTLOOK = (
    "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Assistant's Phone,"
    "Business Fax,Business Phone,Business Phone 2,Callback,Car Phone,Company Main Phone,Home Fax,Home Phone,"
    "Home Phone 2,ISDN,Mobile Phone,Other Fax,Other Phone,Pager,Primary Phone,Radio Phone,TTY/TDD Phone,Telex,"
    "Assistant's Name,Birthday,E-mail Address,E-mail Type,E-mail Display Name,E-mail 2 Address,E-mail 2 Type,"
    "E-mail 2 Display Name,E-mail 3 Address,Manager's Name,Notes,Spouse,Web Page"
)
THUNDERBIRD = (
    "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name,Work Phone,Home Phone,"
    "Fax Number,Pager Number,Mobile Number,Home Address,Job Title,Department,Organization,Web Page 1,Notes"
)


def used(header: str) -> dict[str, list[str]]:
    """Return the columns of a comma-separated header by role, without the unused ones."""
    words = header.split(",")
    found: dict[str, list[str]] = {}
    for word, role in zip(words, recognise(words), strict=True):
        if role:
            found.setdefault(role, []).append(word)
    return found


def test_googles_export_gives_names_numbers_and_addresses() -> None:
    assert used(GOOGLE) == {
        "given_name": ["First Name"],
        "middle_name": ["Middle Name"],
        "family_name": ["Last Name"],
        "nickname": ["Nickname"],
        "organization": ["Organization Name"],
        "email": ["E-mail 1 - Value", "E-mail 2 - Value"],
        "phone": ["Phone 1 - Value", "Phone 2 - Value"],
    }


def test_outlooks_export_gives_this_persons_phones_and_nobody_elses() -> None:
    assert used(OUTLOOK) == {
        "given_name": ["First Name"],
        "middle_name": ["Middle Name"],
        "family_name": ["Last Name"],
        "organization": ["Company"],
        "email": ["E-mail Address", "E-mail 2 Address", "E-mail 3 Address"],
        "phone": [
            "Business Phone", "Business Phone 2", "Callback", "Car Phone", "Home Phone", "Home Phone 2", "ISDN",
            "Mobile Phone", "Other Phone", "Primary Phone", "Radio Phone", "TTY/TDD Phone",
        ],
    }  # fmt: skip


def test_thunderbirds_export_is_read() -> None:
    assert used(THUNDERBIRD) == {
        "given_name": ["First Name"],
        "family_name": ["Last Name"],
        "name": ["Display Name"],
        "nickname": ["Nickname"],
        "email": ["Primary Email", "Secondary Email"],
        "phone": ["Work Phone", "Home Phone", "Mobile Number"],
        "organization": ["Organization"],
    }


def test_our_own_files_and_their_rejects_are_read_back() -> None:
    ours = ["name", "phone", "email", "handle", "staff_no", "employee_email", "recorded_at", "confirmed_at", "ended_at"]
    assert recognise(ours) == ours
    assert recognise(["phone 2", "email 3", "handle 12"]) == ["phone", "email", "handle"]
    assert recognise(["line", "code", "reason", "source", ""]) == [""] * 5


@pytest.mark.parametrize(
    ("header", "roles"),
    [
        ("姓,名,单位,商务电话,住宅电话,移动电话,电子邮件地址,电子邮件 2 地址,助理的电话,商务传真",
         "family_name given_name organization phone phone phone email email - -"),
        ("姓名,手机,电话2,邮箱,备注", "name phone phone email -"),
        ("姓氏,名字,手机号码", "family_name given_name phone"),
        ("名字,手机", "name phone"),
        ("姓,名,行動電話,電子郵件地址,公司總機", "family_name given_name phone email -"),
        ("姓,名,会社名,携帯電話,電子メール アドレス,電子メール 2 アドレス,秘書の電話",
         "family_name given_name organization phone email email -"),
        (("Anrede,Vorname,Nachname,Firma,Telefon geschäftlich,Telefon geschäftlich 2,E-Mail-Adresse,"
         "E-Mail 2: Adresse,Telefon Assistent"),
         "- given_name family_name organization phone phone email email -"),
        ("Name,Vorname,Handy", "family_name given_name phone"),
        ("Prénom,Nom,Société,Téléphone (bureau),Tél. mobile,Adresse de messagerie,Télécopie (bureau)",
         "given_name family_name organization phone phone email -"),
        ("Nom,Téléphone", "name phone"),
        ("Nombre,Apellidos,Teléfono móvil,Dirección de correo electrónico", "given_name family_name phone email"),
        ("Nome,Cognome,Cellulare,Indirizzo e-mail", "given_name family_name phone email"),
        ("Nome,Sobrenome,Celular,Endereço de Email", "given_name family_name phone email"),
        ("Nome,Telefone", "name phone"),
        ("Voornaam,Achternaam,Mobiele telefoon,E-mailadres", "given_name family_name phone email"),
        ("Имя,Отчество,Фамилия,Телефон переносной,Адрес эл. почты", "given_name middle_name family_name phone email"),
        ("Имя,Телефон", "name phone"),
        ("Imię,Nazwisko,Telefon komórkowy,Adres e-mail", "given_name family_name phone email"),
        ("Name,Given Name,Additional Name,Family Name,Yomi Name,E-mail 1 - Type,E-mail 1 - Value",
         "name given_name middle_name family_name - - email"),
        ("\ufeff\" Name \",PHONE：,Ｅ-mail   Address,First_Name,Phone (2)", "family_name phone email given_name phone"),
        ("Etunimi,Sukunimi,Yritys,Matkapuhelin,Työpuhelin,Ensisijainen sähköposti,Faksin numero,Hakulaitteen numero",
         "given_name family_name organization phone phone email - -"),
        ("Krstné meno,Ďalšie meno,Priezvisko,Spoločnosť,Mobilný telefón,E-mailová adresa,Fax do práce,Operátor",
         "given_name middle_name family_name organization phone email - -"),
        ("Meno,Priezvisko,Telefón domov 2,Ďalšia e-mailová adresa", "given_name family_name phone email"),
        ("顯示名稱,主要 Email,次要 Email,手機號碼,呼叫器號碼", "name email email phone -"),
        ("Отображаемое имя,Номер сотового телефона,Адрес электронной почты,Альтернативный адрес электронной почты",
         "name phone email email"),
        ("Name,Email Home,Email Work,Email Other,Phone Video,Phone Workfax", "name email email email phone -"),
        ("Shoe size,Name 2,Photo,2", "- - - -"),
    ],
)  # fmt: skip
def test_a_header_is_understood_in_its_language(header: str, roles: str) -> None:
    assert recognise(header.split(",")) == ["" if role == "-" else role for role in roles.split()]


def test_every_listed_word_means_what_its_list_says() -> None:
    for language, lists in HEADER_WORDS.items():
        for role, words in lists.items():
            for word in words:
                [found] = recognise([word])
                assert found in ROLES
                assert word in VOCABULARY
                assert word == unicodedata.normalize("NFKC", word.lower()), (language, word)
                # A word that two languages share may be used in only one of them.
                assert found == ("name" if "|" in role else role) or not role, (language, word)


def test_a_fax_or_an_assistant_is_unused_in_every_language() -> None:
    for word in VOCABULARY:
        if any(part in word for part in ("fax", "pager", "telex", "assist", "传真", "傳真", "助理", "факс", "faks")):
            assert recognise([word]) == [""], word
        if is_shared_line(word):
            assert recognise([word]) == [""], word


def test_a_long_label_does_not_stay_in_memory() -> None:
    """Otherwise files of long cells fill the worker's memory, and it can read no more files."""
    tracemalloc.start()
    try:
        assert not any(is_shared_line(f"{number}" + "x" * 1_000_000) for number in range(20))
        kept, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


LABELS = [
    "Work Fax", "* Home Fax", "workFax", "homeFax", "otherFax", "Fax", "Pager", "workPager", "Telex", "Assistant",
    "companyMain", "Fax (dienstlich)", "Fax privat", "Télécopie (bureau)", "Fax del trabajo", "Fax ufficio",
    "Fax comercial", "Fax op werk", "Рабочий факс", "Пейджер", "Faks służbowy", "商务传真", "商務傳真", "会社 FAX",
    "ファックス", "ポケットベル", "Työfaksi", "Hakulaite", "Fax do práce", "寻呼机", "呼叫器", "Semafoon",
    "Cercapersone",
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("column", ["Label", "Type"])
def test_the_fax_that_google_labels_does_not_make_two_colleagues_one(label: str, column: str) -> None:
    header = ["First Name", f"Phone 1 - {column}", "Phone 1 - Value", f"Phone 2 - {column}", "Phone 2 - Value"]
    _name, pairs = PersonReader(recognise(header), header).person(["Ann", label, "021-1", "* Mobile", "138"])
    assert pairs == (("phone", "138"),)
    _name, pairs = PersonReader(recognise(header), header).person(["Ann", "Work", "021-1", label, "138"])
    assert pairs == (("phone", "021-1"),)


def test_mutant_a_reader_that_passes_the_labels_over_makes_colleagues_one() -> None:
    header = ["Phone 1 - Label", "Phone 1 - Value"]
    found = {PersonReader(recognise(header), names).person(["Work Fax", "021-1"])[1] for names in ((), header)}
    assert found == {(("phone", "021-1"),), ()}


@pytest.mark.parametrize("label", ["Mobile", "* Work", "Home", "Main", "", "Büro", "手机", "Google Voice", "Privat"])
def test_any_other_label_leaves_the_phone(label: str) -> None:
    header = ["Phone 1 - Label", "Phone 1 - Value"]
    assert PersonReader(recognise(header), header).person([label, "138"])[1] == (("phone", "138"),)


def test_a_label_behind_its_number_speaks_of_that_number() -> None:
    header = ["phone 1", "phone 1 type", "phone 2", "phone 2 type"]
    assert PersonReader(recognise(header), header).person(["1", "fax", "2", "mobile"])[1] == (("phone", "2"),)


@pytest.mark.parametrize(
    ("header", "row", "name", "identities"),
    [
        ("name,phone,email", ["Ann", "138", "a@x.org"], "Ann", ["138", "a@x.org"]),
        ("name,phone,email", [" Ann ", " 138 ", " a@x.org "], "Ann", ["138", "a@x.org"]),
        ("name,phone,email", ["Ann"], "Ann", []),
        ("name,phone,email", [], "", []),
        ("phone,phone 2,phone 3", ["1", "1", "2", "3", "4"], "", ["1", "2"]),
        ("email,phone", ["a@x.org", "1"], "", ["a@x.org", "1"]),
        ("first name,middle name,last name", ["Ann", "M.", "Lee"], "Ann M. Lee", []),
        ("姓,名", ["张", "三"], "张三", []),
        ("姓,名", ["王", "David"], "David 王", []),
        ("first name,last name,nickname,company", ["", "", "Annie", "Acme"], "Annie", []),
        ("first name,last name,nickname,company", ["", "", "", "Acme"], "Acme", []),
        ("display name,first name,last name", ["", "Ann", "Lee"], "Ann Lee", []),
        (
            "phone 1 - value",
            ["+86 138 0013 8000 ::: +86 139 0013 9000"],
            "",
            ["+86 138 0013 8000", "+86 139 0013 9000"],
        ),
        ("phone", ["13800138000; 13900139000"], "", ["13800138000", "13900139000"]),
        ("phone", ["13800138000\r\n13900139000"], "", ["13800138000", "13900139000"]),
        ("phone", ["010-66668888 / 010-66669999"], "", ["010-66668888", "010-66669999"]),
        ("phone", ["010-66668888/9"], "", ["010-66668888/9"]),
        ("phone", ["010-66668888; 12"], "", ["010-66668888; 12"]),
        ("phone", ["'+8613800138000"], "", ["+8613800138000"]),
        ("phone", ["'=1+1"], "", ["=1+1"]),
        ("phone", ["'1380"], "", ["'1380"]),
        ("handle", ["'@ann", ""], "", ["@ann"]),
        ("name,handle", ["'-Ann", "a"], "-Ann", ["a"]),
        ("name,handle", ["'s Jan", "a"], "'s Jan", ["a"]),
        ("e-mail address", ["Ann Lee (ann@x.org)"], "", ["ann@x.org"]),
        ("email", ["Ann <ann@x.org>"], "", ["ann@x.org"]),
        ("email", ["'ann@x.org'"], "", ["ann@x.org"]),
        ("email", ['"ann@x.org" <ann@x.org>; Bob <bob@x.org>'], "", ["ann@x.org", "bob@x.org"]),
        ("email", ["a@x.org; b@x.org,c@x.org d@x.org\na@x.org"], "", ["a@x.org", "b@x.org", "c@x.org", "d@x.org"]),
        ("email", ["a@x.org ::: b@x.org"], "", ["a@x.org", "b@x.org"]),
        ("email", ["a@b@x.org; c"], "", ["a@b@x.org; c"]),
        ("email", ["no address"], "", ["no address"]),
        ("email,phone", [" ", "\t"], "", []),
    ],
)
def test_a_row_gives_its_person(header: str, row: list[str], name: str, identities: list[str]) -> None:
    found, pairs = PersonReader(recognise(header.split(","))).person(row)
    assert (found, [text for _kind, text in pairs]) == (name, identities)


def test_each_identity_keeps_the_kind_of_its_column() -> None:
    _name, pairs = PersonReader(["phone", "email", "handle", ""]).person(["1", "a@x.org", "ann", "1"])
    assert pairs == (("phone", "1"), ("email", "a@x.org"), ("handle", "ann"))


@given(st.lists(st.text(max_size=20), max_size=6), st.lists(st.sampled_from(ROLES), max_size=6))
def test_no_row_is_an_exception(values: list[str], roles: list[str]) -> None:
    _name, pairs = PersonReader(roles).person(values)
    assert len(set(pairs)) == len(pairs)
    assert all(text for _kind, text in pairs)


@given(st.text(max_size=40))
def test_no_header_is_an_exception(word: str) -> None:
    assert recognise([word])[0] in ROLES


@pytest.mark.parametrize("cell", ["1" + " " * 300_000 + "x", "a@ " * 100_000, "(" * 300_000, "' " * 150_000])
def test_one_monstrous_cell_holds_nobody_up(cell: str) -> None:
    start = time.process_time()
    _name, pairs = PersonReader(["phone", "email", "handle"]).person([cell] * 3)
    assert [text for _kind, text in pairs] == [cell.strip()] * 3
    assert time.process_time() - start < 0.5
