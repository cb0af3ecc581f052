"""Stored reports are read years later, in the reader's language, whatever code and language they were stored with."""

import pytest
from django.utils.translation import gettext_lazy, override

from apps.contacts.messages import NO_IDENTITY
from apps.dashboard.labels import files, roster

FORMER_CODES = [("somebody_unread", "Line 4 cannot be read"), ("nobody", "The file has no employees")]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_line_without_any_identity_is_not_said_to_have_a_wrong_phone(language: str) -> None:
    with override(language):
        assert files.rejection("invalid_identity", "phone", NO_IDENTITY) == str(gettext_lazy(NO_IDENTITY))


def test_a_reason_that_a_worker_stored_in_english_is_read_in_chinese() -> None:
    with override("zh-hans"):
        said = files.rejection("objected", "", "This person has asked the company to forget them.")
    assert said == "此人已要求公司不再保留其信息，因此不能记录。"


@pytest.mark.parametrize(("code", "sentence"), FORMER_CODES)
def test_a_former_code_of_a_roster_problem_keeps_its_sentence(code: str, sentence: str) -> None:
    assert sentence in roster.problem({"code": code, "lines": [4]})
