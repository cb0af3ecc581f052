"""The form of a reader's own settings."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account
from apps.dashboard.first_page import first_pages


class SettingsForm(forms.ModelForm):
    first_page = forms.ChoiceField(label=_("First page after signing in"), required=False)

    class Meta:
        model = Account
        fields = ["first_page"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        pages = first_pages(self.instance)
        labels = dict(Account.FirstPage.choices)
        usual = _("Default for my role: %(page)s") % {"page": labels[pages[0]]}
        field = cast(forms.ChoiceField, self.fields["first_page"])
        field.choices = [("", usual), *((page, labels[page]) for page in pages)]
