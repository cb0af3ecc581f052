"""The form that creates an API token."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts import api_tokens
from apps.accounts.models import Account, Role, Scope
from apps.dashboard.forms.base import RefusableForm, set_choices


def scope_choices(account: Account, *, include_all: bool = False) -> list[tuple[str, Any]]:
    """The scopes this account can grant, as (value, label); with `include_all` also those it can no longer grant."""
    roles = {Scope.FEED: Role.Kind.OPERATOR, Scope.ROSTER: Role.Kind.HR, Scope.SCIM: Role.Kind.HR}
    return [
        (scope.value, scope.label)
        for scope in Scope
        if include_all or scope not in roles or account.has_role(roles[scope])
    ]


class TokenForm(RefusableForm):
    name = forms.CharField(
        label=_("Program that will use it"),
        max_length=api_tokens.MAX_NAME_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    days = forms.IntegerField(
        label=_("Expires after (days)"),
        initial=api_tokens.DEFAULT_DAYS,
        min_value=1,
        max_value=api_tokens.MAX_DAYS,
    )

    def __init__(self, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self.fields["scopes"], scope_choices(account))
