"""What the quick form understands of a text, before anything is stored."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from apps.contacts.drafts import Draft
from apps.contacts.normalisation import normalise_draft
from apps.core.identity import Identity
from apps.core.identity_key import identity_normaliser
from apps.core.phone_spelling import likely_phone, readable_phone
from apps.dashboard.forms.base import QuickAddForm
from apps.dashboard.views.page_context import PageContext, render

# Normalising takes time, and a preview is no recording that RATE_PEOPLE limits.
MAX_LINES = 20


@dataclass(frozen=True)
class Understood:
    """Of one person the name and (kind, value); of several, how many are readable and by which kinds they are known.

    `typed` and `likely`: a text that is no valid phone number, and the number it probably means.
    """

    people: int
    unreadable: int
    name: str = ""
    values: Sequence[tuple[str, str]] = ()
    kinds: Sequence[tuple[str, int]] = ()
    typed: str = ""
    likely: str = ""


def understand(drafts: Sequence[Draft]) -> Understood:
    """Read drafts as recording will, without the database."""
    identify = identity_normaliser()
    normalised = [normalise_draft(draft, identify=identify) for draft in drafts]
    readable = [draft for draft in normalised if draft.refused is None]
    unreadable = len(normalised) - len(readable)
    if len(drafts) != 1:
        kinds = Counter(identity.kind for draft in readable for identity in draft.identities)
        return Understood(len(readable), unreadable, kinds=sorted(kinds.items()))
    if readable:
        [draft] = readable
        return Understood(1, 0, draft.name, [(identity.kind, _readable(identity)) for identity in draft.identities])
    # The whole line first: in "l39 1234 5678" the letter was taken for a name.
    words = [
        word
        for _kind, text in drafts[0].identities
        for word in (f"{drafts[0].name} {text}".strip(), text, *text.split())
    ]
    likely = {word: likely_phone(word, settings.COMPANY_PHONE_REGION) for word in words}
    typed = next((word for word, number in likely.items() if number), "")
    return Understood(0, 1, typed=typed, likely=likely.get(typed, ""))


def _readable(identity: Identity) -> str:
    if identity.kind == "phone":
        return readable_phone(identity.value)
    return f"@{identity.value}" if identity.kind == "handle" else identity.value


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """Asked while the reader types; empty for a text that says nothing yet, and for a list above MAX_LINES."""
    scope, form = PageContext(request), QuickAddForm(request.POST)
    is_short = form.is_valid() and len(form.drafts) <= MAX_LINES
    understood = understand(form.drafts) if is_short else None
    return render(scope, "components/_understood.html", {"understood": understood})
