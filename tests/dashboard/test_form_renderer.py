"""Rendered form fields equal Django's templates: browsers and screen readers see no difference."""

from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates

from apps.dashboard.form_renderer import Renderer

VALUES: list[Any] = [None, "", "Ann", "<b>&'\"", 0, 17, "第一\n第二"]
ATTRS: list[dict[str, Any]] = [
    {},
    {"id": "id_name", "required": True, "maxlength": "200", "placeholder": 'a "b" & c'},
    {"required": True, "id": "x", "disabled": False, "autofocus": True, "aria-describedby": "y z", "rows": 3},
]


@pytest.mark.parametrize("attrs", ATTRS)
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "widget",
    [forms.TextInput, forms.HiddenInput, forms.EmailInput, forms.NumberInput, forms.PasswordInput, forms.DateInput,
     forms.Textarea, forms.Select, forms.CheckboxInput, forms.ClearableFileInput],
)  # fmt: skip
def test_a_field_is_written_as_django_writes_it(widget: type[forms.Widget], value: Any, attrs: dict[str, Any]) -> None:
    shown = widget(attrs=attrs)
    ours = shown.render("na<me", value, renderer=Renderer())
    assert ours.strip() == shown.render("na<me", value, renderer=DjangoTemplates()).strip()


def test_forms_use_it() -> None:
    assert isinstance(forms.Form().renderer, Renderer)
