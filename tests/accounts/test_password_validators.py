"""Passwords that follow from the company's name are refused."""

from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


@pytest.fixture(autouse=True)
def _company(settings: Any) -> None:
    settings.COMPANY_NAME = "Acme Trading"
    settings.COMPANY_EMAIL_DOMAINS = ["acme.example", "mail.northwind.cn"]


@pytest.mark.parametrize(
    "password", ["Hundred2026!", "hundred100", "Acme-2026-11", "4cmeTrad!ng", "northwind2026", "N0rthw1nd!!"]
)
def test_a_word_of_the_house_with_little_around_it_is_refused(password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password)
    assert "password_house_word" in {error.code for error in refused.value.error_list}


@pytest.mark.parametrize("password", ["correct horse battery staple", "a hundred quiet lanterns", "cn-mail-cn-mail-x"])
def test_a_long_one_that_holds_such_a_word_is_not(password: str) -> None:
    validate_password(password)
