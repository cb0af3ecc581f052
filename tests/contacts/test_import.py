"""Contact files: every valid line is recorded, every invalid one is returned with its reason.

No line affects another.
"""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError

from apps.contacts import batches
from apps.contacts.columns import HEADER_WORDS
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact, Submission
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee
from apps.fileio.errors import UnreadableFile
from apps.localstack.paths import BASE_DIR
from tests.commands import run, say
from tests.people import TESTER, load


def take(text: str, **options: Any) -> dict[str, Any]:
    """Import CSV text; returns the JSON of the import."""
    return import_contacts(raw=io.BytesIO(text.encode("utf-8", "surrogateescape")), by=TESTER, **options).as_json()


def counts(told: dict[str, Any]) -> dict[str, int]:
    return {code: n for code, n in told.items() if n and code not in ("read", "rejects")}


def test_a_file_for_one_employee(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("name,phone,email\nWanda,13812345678,\nVera,,vera@outside.example.org\n,,\n", encoding="utf-8-sig")
    told = run("import_contacts", file, "--employee", "A001")
    assert told == {
        "read": 2, "created": 2, "updated": 0, "unchanged": 0, "duplicate": 0, "rejected": 0, "left": 0, "rejects": [],
    }  # fmt: skip
    assert set(Contact.objects.of(alice).values_list("name", flat=True)) == {"Wanda", "Vera"}
    assert counts(run("import_contacts", file, "--employee", "A001")) == {"duplicate": 2}


def test_a_file_that_names_its_employees_by_number_or_address(alice: Employee, alan: Employee, hr: Employee) -> None:
    told = take(
        "staff_no,employee_email,name,handle\nA001,,W,w1\n,Alan@Corp.example.com,W,w1\n,mailto:hedda@corp.example.com,W,w1\n"
    )
    assert counts(told) == {"created": 3}
    assert all(Contact.objects.of(one).count() == 1 for one in (alice, alan, hr))


def test_an_address_in_other_letters_still_names_its_employee(company: dict[str, Employee]) -> None:
    load("staff_no,name,email\nZ001,Zoë,zoë@münchen.example.com")
    assert counts(take("employee_email,handle\nZOË@MÜNCHEN.example.com,w\n")) == {"created": 1}


def test_a_file_for_one_employee_gives_them_nobody_elses_lines(alice: Employee, alan: Employee) -> None:
    told = take("staff_no,handle\nA001,w1\nA002,w2\n,w3\n", employee=alice)
    assert counts(told) == {"created": 2, "rejected": 1}
    assert not Contact.objects.of(alan).exists()


@pytest.mark.parametrize("named", ["X404,", "A\0001,", ",nobody@corp.example.com", ",not an address", ","])
def test_a_line_for_nobody_is_rejected_alone(alice: Employee, named: str) -> None:
    told = take(f"staff_no,employee_email,handle\nA001,,w1\n{named},w2\nA001,,w3\n")
    assert counts(told) == {"created": 2, "rejected": 1}
    assert (told["rejects"][0]["line"], told["rejects"][0]["code"]) == (3, "unknown_employee")


def test_37_bad_lines_among_500_come_back_each_with_its_reason(alice: Employee, tmp_path: Path) -> None:
    bad = set(range(10, 500, 13)) - {504}
    lines = [f"Guest {n},{'12' if n in bad else ''},{f'g{n}@outside.example.org'}" for n in range(2, 502)]
    file, rejects = tmp_path / "contacts.csv", tmp_path / "rejects.csv"
    file.write_text("name,phone,email\n" + "\n".join(lines))
    told = run("import_contacts", file, "--employee", "A001", "--rejects", rejects)
    assert counts(told) == {"created": 500 - len(bad), "rejected": len(bad)}
    assert {reject["line"] for reject in told["rejects"]} == bad
    with rejects.open(encoding="utf-8-sig", newline="") as back:
        rows = list(csv.DictReader(back))
    assert [int(row["line"]) for row in rows] == sorted(bad)
    assert {row["code"] for row in rows} == {"invalid_identity"}
    assert all(row["name"] == f"Guest {row['line']}" and row["reason"] for row in rows)


def test_rejected_lines_can_be_corrected_and_loaded_again_and_again(alice: Employee, tmp_path: Path) -> None:
    file, again, third = (tmp_path / name for name in ("1.csv", "2.csv", "3.csv"))
    file.write_text("name,phone\nWanda,12\nVera,13\n")
    run("import_contacts", file, "--employee", "A001", "--rejects", again)
    again.write_text(again.read_text(encoding="utf-8-sig").replace(",12,", ",13812345678,"), encoding="utf-8-sig")
    assert counts(run("import_contacts", again, "--employee", "A001", "--rejects", third)) == {
        "created": 1,
        "rejected": 1,
    }
    assert counts(run("import_contacts", third, "--employee", "A001")) == {"rejected": 1}


def test_only_the_first_hundred_rejects_are_told_and_all_are_in_the_file(alice: Employee) -> None:
    rejects = io.BytesIO()
    told = take("phone\n" + "12\n" * 250, employee=alice, rejects=rejects.write)
    assert (told["rejected"], len(told["rejects"])) == (250, 100)
    assert len(rejects.getvalue().splitlines()) == 251


def test_rejected_lines_of_one_employee_have_an_end(alice: Employee, settings: Any) -> None:
    """Otherwise one account could fill the database's disk. Valid lines of the file are recorded all the same."""
    settings.MAX_REJECTED_BYTES_PER_EMPLOYEE = 10_000
    lines = "".join(f"12,{'x' * 100}\n" for _line in range(200))
    told = take(f"phone,note\n13812345678,\n{lines}", employee=alice)
    again = take(f"phone,note\n13912345678,\n{lines}", employee=alice)
    assert [one["created"] for one in (told, again)] == [1, 1]
    first, second = Submission.objects.order_by("received_at")
    kept = first.rejects.size + second.rejects.size
    assert 10_000 < kept < 10_500
    assert 0 < first.report["rejects_not_kept"] < second.report["rejects_not_kept"] == 200


def test_the_rejects_never_overwrite_the_file_itself(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("phone\n12\n")
    with pytest.raises(CommandError, match="overwrite"):
        run("import_contacts", file, "--employee", "A001", "--rejects", file)
    assert file.read_text() == "phone\n12\n"


def test_a_trial_run_records_nothing(alice: Employee, tmp_path: Path) -> None:
    OutboxRow.objects.all().delete()
    entries = AuditEntry.objects.count()
    file = tmp_path / "contacts.csv"
    file.write_text("handle\nw1\nw2\nw1\n")
    out, _err = say("import_contacts", file, "--employee", "A001", "--dry-run")
    assert "Would read 3 rows: 2 created, 0 updated, 1 duplicate" in out
    for table in (Contact, Submission, OutboxRow):
        assert not table.objects.exists()
    assert AuditEntry.objects.count() == entries


def test_a_person_twice_in_a_file_is_one_across_batches(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_ENTRIES", 3)
    seen: list[int] = []
    told = take("handle\n" + "".join(f"w{n % 4}\n" for n in range(10)), employee=alice, progress=seen.append)
    assert counts(told) == {"created": 4, "duplicate": 6}
    assert seen == [3, 6, 9, 10]
    submission = Submission.objects.get()
    assert (submission.state, submission.report["created"], submission.payload) == ("done", 4, None)


def test_all_contacts_of_a_file_count_from_its_receipt(alice: Employee, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_ENTRIES", 2)
    take("handle\nw1\nw2\nw3\n", employee=alice)
    received = Submission.objects.get().received_at
    assert set(Contact.objects.values_list("recorded_at", flat=True)) == {received}


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("name\nWanda\n", {"employee": True}, "the columns phone, email and handle are all missing"),
        ("name,phone\nWanda,13812345678\n", {}, "names no employees"),
        ("", {"employee": True}, "empty"),
        ("\n\n", {"employee": True}, "empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_whole(
    alice: Employee, text: str, options: dict[str, bool], words: str
) -> None:
    with pytest.raises(UnreadableFile, match=words):
        take(text, **({"employee": alice} if options else {}))
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.csv", "--employee", "A001"], "No such file"),
        ([".", "--employee", "A001"], "Is a directory"),
        (["contacts.csv", "--employee", "X404"], "no employee has the number X404"),
        (["contacts.csv"], "names no employees"),
        (["contacts.csv", "--employee", "A001", "--rejects", "no/such/folder.csv"], "No such file"),
    ],
)
def test_bad_arguments_end_in_one_sentence_and_status_1(
    alice: Employee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("contacts.csv").write_text("handle\nw\n")
    with pytest.raises(CommandError, match=words) as refused:
        run("import_contacts", *arguments)
    assert refused.value.returncode == 1
    assert not Contact.objects.exists()


def test_a_file_that_breaks_in_the_middle_records_none_of_it(
    alice: Employee, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MAX_ENTRIES", 2)
    file = tmp_path / "contacts.csv"
    file.write_bytes(b"handle\nw1\nw2\nw3\nw4\n\xff\xfe\nw5\n")
    with pytest.raises(CommandError, match="near line 6: not UTF-8"):
        run("import_contacts", file, "--employee", "A001")
    assert not Contact.objects.exists()


def test_a_file_whose_name_no_database_can_hold_is_refused_in_words(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "k\udcffntakte.csv"
    file.write_text("handle\nw\n")
    with pytest.raises(CommandError, match="file contains characters that are not text"):
        run("import_contacts", file, "--employee", "A001")


def test_columns_nobody_knows_are_named(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("handle,shoe size,recorded_at\nw,44,2001-01-01T00:00:00Z\n")
    _out, err = say("import_contacts", file, "--employee", "A001")
    assert "ignored columns: shoe size, recorded_at" in err


NAUGHTY = [
    "\0",
    "\u202e",
    "﷽" * 300,
    "<script>",
    "=cmd|' /C calc'!A0",
    '"',
    "\\",
    "\\N",
    "x" * 100_000,
    "'; --",
    "%s{0}",
]


@pytest.mark.parametrize("text", NAUGHTY, ids=range(len(NAUGHTY)))
def test_good_lines_around_a_naughty_one_all_go_in(alice: Employee, text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    told = take(
        f"name,phone,email,handle\nV,,,v\n{quoted},{quoted},,n1\n{quoted},,{quoted},n2\n{quoted},,,n3\nU,,,u\n",
        employee=alice,
    )
    assert told["read"] == 5
    assert told["created"] >= 3
    assert told["created"] + told["rejected"] == 5


def test_a_list_without_a_header_loses_nobody_not_even_its_first_line(alice: Employee) -> None:
    assert counts(take("Wanda,13812345678\nVera,13912345678\nXaver,12\n", employee=alice)) == {
        "created": 2,
        "rejected": 1,
    }
    assert set(Contact.objects.values_list("name", flat=True)) == {"Wanda", "Vera"}
    rejects = io.BytesIO()
    take("wanda@outside.example.org\nnobody\n", employee=alice, rejects=rejects.write)
    assert rejects.getvalue().decode("utf-8-sig").splitlines()[:2] == [
        "email,line,code,reason",
        "nobody,2,invalid_identity,This is not a valid e-mail address.",
    ]


def test_several_numbers_of_one_person_are_all_theirs_and_a_useless_one_costs_nobody(alice: Employee) -> None:
    wanda, vera = "Wanda,13812345678,13912345678,w@outside.example.org", "Vera,12,13712345678,"
    told = take(f"name,phone,phone 2,e-mail\n{wanda}\n{vera}\n", employee=alice)
    assert counts(told) == {"created": 2}
    assert Contact.objects.get(name="Wanda").identities.count() == 3
    assert [one.value for one in Contact.objects.get(name="Vera").identities.all()] == ["+8613712345678"]


def test_columns_with_names_of_ones_own_can_be_told(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_text("Wer,Womit,E-Mail\nWanda,13812345678,w@outside.example.org\n")
    told = run("import_contacts", file, "--employee", "A001", "--columns", "wer=name,Womit=phone,E-Mail=")
    assert counts(told) == {"created": 1}
    contact = Contact.objects.get()
    assert (contact.name, [one.kind for one in contact.identities.all()]) == ("Wanda", ["phone"])
    with pytest.raises(CommandError, match="there is no column wen; found Wer, Womit"):
        run("import_contacts", file, "--employee", "A001", "--columns", "wen=name")
    for wrong in ("Womit", "Womit=telephone", "=phone"):
        with pytest.raises(CommandError) as refused:
            run("import_contacts", file, "--employee", "A001", "--columns", wrong)
        assert refused.value.returncode == 2 or "not a column with its meaning" in str(refused.value)


def test_a_file_for_one_employee_knows_them_by_address_too(alice: Employee, alan: Employee) -> None:
    told = take("employee_email,handle\nAlice@corp.example.com,w1\nalan@corp.example.com,w2\n,w3\n", employee=alice)
    assert counts(told) == {"created": 2, "rejected": 1}
    assert (told["rejects"][0]["line"], told["rejects"][0]["column"]) == (3, "employee_email")


def test_a_row_of_a_hundred_and_one_numbers_is_no_person(alice: Employee) -> None:
    many = ";".join(f"1381234{n:04}" for n in range(101))
    told = take(f"name,phone\nW,{many}\nV,13812345678\n", employee=alice)
    assert counts(told) == {"created": 1, "rejected": 1}
    assert told["rejects"][0]["code"] == "too_long"


@pytest.mark.parametrize("encoding", ["nonsense", "utf-16-nonsense"])
def test_an_encoding_that_is_none_is_one_sentence(alice: Employee, tmp_path: Path, encoding: str) -> None:
    for text in ("handle\nw\n", "BEGIN:VCARD\nTEL:13812345678\nEND:VCARD\n"):
        file = tmp_path / "contacts"
        file.write_text(text)
        with pytest.raises(CommandError, match="is not a supported encoding"):
            run("import_contacts", file, "--employee", "A001", "--encoding", encoding)


@pytest.mark.parametrize("name", ["windows-1250", "CP1250", "cp1250"])
def test_a_file_that_two_code_pages_read_differently_is_refused_until_one_is_named(
    alice: Employee, tmp_path: Path, name: str
) -> None:
    """Regression: Dvořák under a German header was recorded as Dvoøák."""
    file = tmp_path / "kontakte.csv"
    file.write_bytes("Vorname;Nachname;Telefon geschäftlich\nJiří;Dvořák;13812345678\n".encode("cp1250"))
    with pytest.raises(CommandError, match=r"reads differently as cp1252 and as cp1250.*--encoding cp125") as refused:
        run("import_contacts", file, "--employee", "A001")
    assert str(refused.value).endswith(".")
    assert not Contact.objects.exists()
    assert counts(run("import_contacts", file, "--employee", "A001", "--encoding", name)) == {"created": 1}
    assert Contact.objects.get().name == "Jiří Dvořák"


def test_a_german_file_of_german_names_is_not_asked_about(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "kontakte.csv"
    file.write_bytes("Vorname;Nachname;Telefon geschäftlich\nJürgen;Weiß;13812345678\n".encode("cp1252"))
    assert counts(run("import_contacts", file, "--employee", "A001")) == {"created": 1}
    assert Contact.objects.get().name == "Jürgen Weiß"


def test_a_file_in_utf_32_is_read(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "contacts.csv"
    file.write_bytes("姓名,电话\n王芳,13812345678\n".encode("utf-32"))
    assert counts(run("import_contacts", file, "--employee", "A001")) == {"created": 1}
    assert Contact.objects.get().name == "王芳"


QUOTED = b"BEGIN:VCARD\nVERSION:2.1\nN;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6rg\nTEL:13812345678\nEND:VCARD\n"
PLAIN = b"BEGIN:VCARD\nVERSION:2.1\nN:Lee;Ann\nTEL:13912345678\nEND:VCARD\n"


def test_a_card_whose_alphabet_nothing_says_does_not_lose_its_name_without_a_word(
    alice: Employee, tmp_path: Path
) -> None:
    file = tmp_path / "cards.vcf"
    file.write_bytes(PLAIN + QUOTED)
    with pytest.raises(CommandError, match=r"near line 6: .*not UTF-8.*--encoding cp1252"):
        run("import_contacts", file, "--employee", "A001")
    assert not Contact.objects.exists()
    run("import_contacts", file, "--employee", "A001", "--encoding", "windows-1252")
    assert set(Contact.objects.values_list("name", flat=True)) == {"Ann Lee", "Jörg Müller"}


def test_a_name_that_the_named_encoding_cannot_read_is_told_of(alice: Employee, tmp_path: Path) -> None:
    file = tmp_path / "cards.vcf"
    file.write_bytes(PLAIN + QUOTED)
    _out, err = say("import_contacts", file, "--employee", "A001", "--encoding", "utf-8")
    assert "1 contacts had an invalid name, phone, e-mail or handle, which was left out." in err
    assert set(Contact.objects.values_list("name", flat=True)) == {"Ann Lee", ""}


def test_a_card_in_another_charset_than_it_says_costs_its_name_alone_and_is_told_of(
    alice: Employee, tmp_path: Path
) -> None:
    file = tmp_path / "cards.vcf"
    file.write_bytes(PLAIN + QUOTED.replace(b"N;", b"N;CHARSET=UTF-8;"))
    _out, err = say("import_contacts", file, "--employee", "A001")
    assert "1 contacts had an invalid name, phone, e-mail or handle, which was left out." in err
    assert set(Contact.objects.values_list("name", flat=True)) == {"Ann Lee", ""}


def test_two_colleagues_with_one_work_fax_are_two_contacts(alice: Employee, tmp_path: Path) -> None:
    header = "First Name,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value"
    rows = "Ann,Work Fax,021 6234 5678,Mobile,13812345678\nBob,Work Fax,021 6234 5678,Mobile,13912345678"
    file = tmp_path / "google.csv"
    file.write_text(f"{header}\n{rows}\n")
    assert counts(run("import_contacts", file, "--employee", "A001")) == {"created": 2}
    _out, err = say("import_contacts", file, "--employee", "A001")
    assert "ignored columns" not in err


def test_the_docs_count_the_languages_of_the_headers() -> None:
    languages = {language.partition("-")[0] for language in HEADER_WORDS if language != "ours"}
    assert len(languages) == 13
    for name in ("docs/bringing-your-contacts.md", "CHANGELOG.md"):
        assert "in thirteen languages" in (BASE_DIR / name).read_text(encoding="utf-8")
