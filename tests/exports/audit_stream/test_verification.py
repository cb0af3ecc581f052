"""A check that misses a gap is worse than none: the trail then counts as proved."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.exports.audit_stream.lines import Position, line_hash, position_of, seal
from apps.exports.audit_stream.verification import verify

START = Position("11111111-2222-3333-4444-555555555555")


def chain(count: int, before: Position = START, action: str = "test.happened") -> list[dict[str, Any]]:
    lines = []
    for number in range(count):
        lines.append(seal({"id": number, "action": action, "detail": {"share": 0.05, "名": "é"}}, before))
        before = position_of(lines[-1])
    return lines


def problem(lines: list[dict[str, Any]], sent: Position | None = None) -> str:
    return verify((json.dumps(line) for line in lines), sent).problem


def test_a_whole_file_is_accepted_and_its_range_is_named() -> None:
    finding = verify(json.dumps(line) for line in chain(5)[2:])
    assert (finding.problem, finding.first, finding.last) == ("", 3, 5)


def test_headers_of_syslog_and_another_order_of_keys_change_nothing() -> None:
    texts = [
        f"<110>1 2026-11-30T00:00:00Z h hundred 1 audit - {json.dumps(line, sort_keys=True)}\n" for line in chain(3)
    ]
    assert verify([*texts, "\n"]).problem == ""


def test_a_gap_is_named() -> None:
    lines = chain(6)
    assert problem(lines[:2] + lines[3:]) == "Line 3: entry 3 is missing."
    assert problem(lines[:2] + lines[5:]) == "Line 3: entries 3 to 5 are missing."


def test_a_changed_line_is_named() -> None:
    lines = chain(4)
    lines[2]["action"] = "test.other"
    assert problem(lines) == "Line 3: entry 3 was changed."


def test_a_changed_line_with_a_new_hash_breaks_the_chain() -> None:
    lines = chain(4)
    lines[2]["action"] = "test.other"
    lines[2]["hash"] = line_hash(lines[2])
    assert problem(lines) == "Line 4: entry 4 does not follow the entry before: one of them was replaced."


def test_a_chain_made_anew_differs_from_what_was_sent() -> None:
    sent = position_of(chain(4)[-1])
    assert problem(chain(6), sent) == ""
    forged = problem(chain(6, action="test.forged"), sent)
    assert forged == "Entry 4 is not the one that was sent: the whole file was made anew."


def test_repeated_lines_are_counted_and_a_different_one_is_named() -> None:
    lines = chain(4)
    finding = verify(json.dumps(line) for line in [*lines[:3], *lines[1:]])
    assert (finding.problem, finding.repeated, finding.last) == ("", 2, 4)
    # After a restore of an older backup, numbers come again with other entries.
    other = chain(2, position_of(lines[1]), "test.other")
    assert problem([*lines, *other]) == "Line 5: entry 3 came before with another content."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[1]",
        "no JSON {",
        '{"sequence": "1"}',
        '{"stream": "x", "sequence": true, "previous": "", "hash": ""}',
        "{" * 9999,
    ],
)
def test_another_text_is_no_entry(text: str) -> None:
    assert verify([text]).problem in ("Line 1: it is no entry of the stream.", "There is no line.")


@pytest.mark.django_db
def test_the_command_reads_several_files_and_names_the_first_gap(tmp_path: Path) -> None:
    lines = [f"{json.dumps(line)}\n" for line in chain(6)]
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_text("".join(lines[:3]), encoding="utf-8")
    second.write_text("".join(lines[3:]), encoding="utf-8")
    output = StringIO()
    call_command("verify_audit_stream", str(first), str(second), stdout=output)
    assert output.getvalue() == "Entries 1 to 6 are complete and unchanged; 0 repeated lines.\n"
    second.write_text("".join(lines[4:]), encoding="utf-8")
    output = StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_audit_stream", str(first), str(second), "--json", stdout=output)
    assert json.loads(output.getvalue())["problem"] == "Line 4: entry 4 is missing."
