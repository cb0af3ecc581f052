"""Names in mails: an HR user who writes a link into a name must not reach every mailbox of the company with it."""

import pytest

from apps.core.mailed_names import is_mailable, mailed_name
from apps.core.text import clean_text

LINKS = (
    "Sign in at https://evil.example/x",
    "evil.example",
    "www.evil.example",
    "ＷＷＷ．evil．example",
    "登录evil。example",
    "a@evil.example",
    "//evil.example",
)


@pytest.mark.parametrize("name", LINKS)
def test_no_part_of_a_name_is_a_link_in_a_mail(name: str) -> None:
    assert not is_mailable(clean_text(name))
    shown = mailed_name(name)
    assert is_mailable(shown)
    assert "evil.example" not in shown


@pytest.mark.parametrize(
    "name", ["November 2026", "十一月活动", "J. R. Smith", "Q4/2026", "3.5 plus", "Alice 艾 (A001)"]
)
def test_usual_names_stay_as_they_are(name: str) -> None:
    assert is_mailable(name)
    assert mailed_name(name) == name


def test_a_long_name_is_cut_and_has_one_line() -> None:
    shown = mailed_name("Please reply at once\r\nBcc: all " + "x" * 300)
    assert len(shown) <= 80
    assert shown.endswith("…")
    assert shown.isprintable()
