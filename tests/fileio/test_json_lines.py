"""JSON lines: an object that is misread would change or end another person's employment."""

from io import BytesIO

import pytest

from apps.fileio.errors import UnreadableFile
from apps.fileio.json_lines import JsonLines, is_json_lines


def rows(text: str) -> list[tuple[int, dict[str, str]]]:
    return [(record.line, record.cells) for record in JsonLines(BytesIO(text.encode()))]


def test_each_object_is_a_row_with_its_line() -> None:
    assert rows('{"staff_no": "007", "name": " Wei "}\n\n{}\n{"name": "Bo", "staff_no": 12, "phone": null}\r\n') == [
        (1, {"staff_no": "007", "name": "Wei", "phone": ""}),
        (4, {"staff_no": "12", "name": "Bo", "phone": ""}),
    ]


def test_a_number_keeps_its_digits() -> None:
    assert rows('{"a": 12345678901234567890123, "b": 1.50}') == [(1, {"a": "12345678901234567890123", "b": "1.50"})]


def test_a_byte_order_mark_is_no_part_of_the_first_object() -> None:
    assert rows('\ufeff{"a": "1"}') == [(1, {"a": "1"})]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ('{"a": "1"', "not valid JSON"),
        ('["a"]', "not an object"),
        ('"a"', "not an object"),
        ('{"a": "1", "a": "2"}', "a key appears twice"),
        ('{"a": {"b": "1"}}', "neither a text nor a number"),
        ('{"a": ["1"]}', "neither a text nor a number"),
        ('{"a": true}', "neither a text nor a number"),
        ('{"a": NaN}', "not valid JSON"),
        ('{"a": "\\u0000"}', "neither a text nor a number"),
        ('{"\\ud800": "1"}', "neither a text nor a number"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": "' + "x" * 1_000_001 + '"}', "more than 1,000,000 characters"),
        ("{" + ", ".join(f'"k{number}": ""' for number in range(101)) + "}", "different keys"),
    ],
)
def test_anything_else_refuses_the_file_and_names_the_line(second: str, why: str) -> None:
    with pytest.raises(UnreadableFile, match=f"line 2: .*{why}") as refused:
        rows('{"a": "1"}\n' + second)
    assert refused.value.line == 2


def test_a_file_in_another_encoding_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="not UTF-8"):
        JsonLines(BytesIO('{"name": "Zoë"}'.encode("latin-1")))


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="no objects"):
        JsonLines(BytesIO(b"\n\n"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b'{"a": 1}', True), (b' \n{ "a": 1}', True), (b"{}", True), (b"{a},b\n", False), (b"", False)],
)
def test_a_file_is_recognised_by_its_first_object(content: bytes, expected: bool) -> None:
    assert is_json_lines(BytesIO(content)) is expected
