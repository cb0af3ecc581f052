"""The form that creates an API token."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts import api_tokens
from apps.accounts.models import Account, Role, Scope
from apps.dashboard.forms.base import RefusableForm


def offered_to(account: Account, *, everything: bool = False) -> list[tuple[str, Any]]:
    """The scopes this account can grant, as (value, label); with `everything` also those it can no longer grant."""
    may_feed = everything or account.has_role(Role.Kind.OPERATOR)
    return [(scope.value, scope.label) for scope in Scope if may_feed or scope != Scope.FEED]


class TokenForm(RefusableForm):
    """The token's purpose, scope and lifetime."""

    name = forms.CharField(
        label=_("What will use it"),
        max_length=api_tokens.NAME_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may read or do"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    days = forms.IntegerField(
        label=_("It ends by itself after so many days"),
        initial=api_tokens.DEFAULT_DAYS,
        min_value=1,
        max_value=api_tokens.MOST_DAYS,
    )

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = offered_to(account)  # type: ignore[attr-defined]  # a choice field

    def terms(self) -> dict[str, Any]:
        """The values of a valid form, as `create_token` takes them."""
        return {name: self.cleaned_data[name] for name in ("name", "scopes", "days")}
