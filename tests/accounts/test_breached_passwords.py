"""Breached passwords are refused, whatever their position in a list of any length."""

import hashlib
import io
import logging
import random
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from apps.accounts.breached_passwords import MAX_LINE_BYTES, PasswordListError, check_list_format, contains_digest
from apps.accounts.checks import check_breached_passwords_file, suggest_breached_passwords
from apps.accounts.services import account_for, set_password_link
from apps.employees.models import Employee
from tests.dashboard.strict import StrictClient, words

KNOWN = "correct horse battery"


def digest(password: str) -> str:
    return hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


def lines(digests: list[str], end: str = "\r\n") -> bytes:
    """A list in the downloader's format: counts of any length, and no line end after the last line."""
    chosen = random.Random(7)
    return end.join(f"{one}:{chosen.choice([1, 42, 52256179])}" for one in sorted(digests)).encode()


@pytest.fixture
def known(tmp_path: Path, settings: Any) -> Path:
    """A configured list with one known password and a thousand others."""
    path = tmp_path / "known.txt"
    path.write_bytes(lines([digest(KNOWN), *(digest(f"password {number}") for number in range(1000))]))
    settings.BREACHED_PASSWORDS = str(path)
    validator = {"NAME": "apps.accounts.password_validators.BreachedValidator", "OPTIONS": {"path": str(path)}}
    settings.AUTH_PASSWORD_VALIDATORS = [validator]
    return path


def refused(password: str) -> str:
    with pytest.raises(ValidationError) as error:
        validate_password(password)
    return str(error.value.error_list[0].code)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "end"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 200])
def test_every_line_is_found_and_nothing_that_is_not_there(count: int, end: str, last: str) -> None:
    digests = [digest(str(number)) for number in range(count)]
    file = io.BytesIO(lines(digests, end) + (end.encode() if last and count else b""))
    for one in digests:
        assert contains_digest(file, one.encode())
        # Its neighbours: one higher and one lower.
        for step in (1, -1):
            assert not contains_digest(file, f"{(int(one, 16) + step) % 16**40:040X}".encode())
    for outside in ("0" * 40, "F" * 40, digest("nobody's")):
        assert not contains_digest(file, outside.encode())


class Counting(io.BytesIO):
    """Counts the bytes read."""

    taken = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.taken += len(line)
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("a list is never read but line by line")


def test_a_long_list_is_not_read_but_halved() -> None:
    file = Counting(lines([digest(str(number)) for number in range(50_000)]))
    assert contains_digest(file, digest("49999").encode())
    assert file.taken < 40 * MAX_LINE_BYTES < len(file.getvalue()) / 500


def test_a_file_without_lines_is_not_read_to_its_end() -> None:
    file = Counting(b"x" * 1_000_000)
    assert not contains_digest(file, digest("any").encode())
    assert file.taken < 50 * MAX_LINE_BYTES


@pytest.mark.parametrize("password", [KNOWN, "password 0", "password 999"])
def test_a_password_that_became_known_is_refused(known: Path, password: str) -> None:
    assert refused(password) == "password_breached"


@pytest.mark.parametrize("password", ["correct horse battery staple", "Correct horse battery", "密码密码密码密码密码"])
def test_another_one_is_taken(known: Path, password: str) -> None:
    validate_password(password)


def test_letters_beyond_english_are_digested_as_they_are_sent(known: Path) -> None:
    known.write_bytes(lines([digest("密码密码密码密码密码")]))
    assert refused("密码密码密码密码密码") == "password_breached"


def test_digests_in_small_letters_do_as_well(known: Path) -> None:
    known.write_bytes(known.read_bytes().lower())
    check_list_format(known)
    assert refused(KNOWN) == "password_breached"


@pytest.mark.django_db
def test_the_page_where_a_password_is_set_refuses_it(known: Path, client: StrictClient, alice: Employee) -> None:
    link = set_password_link(account_for(alice)).removeprefix("http://testserver")
    address = client.get(link)["Location"]
    answer = client.post(address, {"new_password1": KNOWN, "new_password2": KNOWN})
    assert "in a list of leaked passwords" in words(answer)
    account = account_for(alice)
    account.refresh_from_db()
    assert not account.check_password(KNOWN)


def test_a_list_that_has_gone_away_lets_nothing_through_unasked(known: Path, caplog: pytest.LogCaptureFixture) -> None:
    known.unlink()
    with caplog.at_level(logging.ERROR):
        assert refused("a password of nobody") == "password_list_away"
    assert f"BREACHED_PASSWORDS: {known} cannot be read: No such file or directory" in caplog.messages
    assert "of nobody" not in caplog.text


def test_a_good_list_passes_the_check(known: Path) -> None:
    assert check_breached_passwords_file(None) == []
    assert suggest_breached_passwords(None) == []


def fault() -> str:
    (message,) = check_breached_passwords_file(None)
    assert message.is_serious()
    return str(message.msg)


def test_a_list_that_is_missing_is_named_at_the_start(known: Path, settings: Any) -> None:
    settings.BREACHED_PASSWORDS = str(known / "x")
    assert fault() == f"BREACHED_PASSWORDS: {known / 'x'} cannot be read: Not a directory."
    settings.BREACHED_PASSWORDS = str(known.parent)
    assert fault() == f"BREACHED_PASSWORDS: {known.parent} cannot be read: Is a directory."


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"password\nqwerty\n",
        b"<html>404</html>",
        digest(KNOWN).encode(),
        digest(KNOWN).encode() + b" 12\n",
        # The list's other variant, with NTLM digests.
        b"32ED87BDB5FDC5E9CBA88547376818D4:24230577\n",
        b"\xef\xbb\xbf" + lines([digest(KNOWN)]),
        b"x" * 1_000_000,
    ],
)
def test_a_file_that_is_no_such_list_is_named_at_the_start(known: Path, content: bytes) -> None:
    known.write_bytes(content)
    assert fault() == f"BREACHED_PASSWORDS: {known} has no line `SHA-1:count` at byte 0."


def test_a_list_that_breaks_off_into_something_else_is_named(known: Path) -> None:
    known.write_bytes(lines([digest("a"), digest("b")], "\n") + b"\n" + b"curl: (28) timed out\n" * 20)
    assert "has no line `SHA-1:count` at byte" in fault()


def test_a_list_that_is_ordered_by_counts_would_find_nobody_and_is_named(known: Path) -> None:
    shuffled = known.read_bytes().split(b"\r\n")
    random.Random(7).shuffle(shuffled)
    known.write_bytes(b"\r\n".join(shuffled))
    assert fault() == f"BREACHED_PASSWORDS: {known} is not in the order of its digests."


def test_without_a_list_nobody_is_asked_and_the_deployment_check_says_so(settings: Any) -> None:
    settings.BREACHED_PASSWORDS = ""
    assert check_breached_passwords_file(None) == []
    assert [message.id for message in suggest_breached_passwords(None)] == ["hundred.I007"]


def test_who_reads_a_list_says_in_a_word_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(PasswordListError, match=r"^cannot be read: No such file or directory$"):
        check_list_format(tmp_path / "gone")
