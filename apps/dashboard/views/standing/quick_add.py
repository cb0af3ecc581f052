"""`/contacts/add/`: the short form on `/` and on the list, for one person or a pasted list."""

import hashlib

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.contacts.models import Source
from apps.contacts.pasting import lines_of
from apps.contacts.services import changes, submissions
from apps.core import clock, enqueue
from apps.core.rate_limits import Kind, count, person_of
from apps.dashboard.forms.base import QuickAddForm
from apps.dashboard.views.contacts.contacts import listing
from apps.dashboard.views.page_context import PageContext, fragment
from apps.dashboard.views.standing.my_standing import lists, load_contacts, page
from apps.dashboard.views.standing.quick_add_feedback import Feedback, answer_many, answer_one, number_now


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Record the people in the form. Idempotent; refused lines come back in the form."""
    scope = PageContext(request)
    form = QuickAddForm(request.POST)
    answer = _record(scope, form) if form.is_valid() else None
    form = form.refused() if answer is None else QuickAddForm.holding(answer.failed, answer.text)
    if getattr(request, "htmx", False):
        return _in_place(scope, form, answer)
    return _whole(scope, form, answer)


def _in_place(scope: PageContext, form: QuickAddForm, answer: Feedback | None) -> HttpResponse:
    """The form, and the parts of the page that the recording changed."""
    if answer is None:
        return fragment(scope, "standing/_quick_add.html", {"form": form}, status=422)
    # The request began before the recording, and reports show only what came before their instant.
    around = lists(load_contacts(scope, clock.db_now()))
    text = " ".join(filter(None, [answer.text, number_now(scope)]))
    form.summary = text
    context = {"form": form, "said": text, "level": messages.DEFAULT_TAGS[answer.level], **around}
    response = fragment(scope, "standing/_quick_add_feedback.html", context, status=422 if answer.failed else 200)
    response["HX-Trigger"] = "recorded"
    return response


def _whole(scope: PageContext, form: QuickAddForm, answer: Feedback | None) -> HttpResponse:
    from_list = scope.request.GET.get("next") == "contacts"
    if answer:
        messages.add_message(scope.request, answer.level, answer.text)
    if answer is None or answer.failed:
        show = listing if from_list else page
        return show(PageContext(scope.request), form, status=422)
    return redirect(scope.url("contacts") if from_list else scope.url("me", added=1))


def _record(scope: PageContext, form: QuickAddForm) -> Feedback | None:
    """The feedback after recording; None when a single person was refused (the form shows why)."""
    typed = form.cleaned_data["reach"]
    count(Kind.PEOPLE, person_of(scope.user.pk), len(lines_of(typed)))
    drafts = form.drafts
    try:
        report = submissions.submit(
            employee=scope.the_employee,
            drafts=drafts,
            source=Source.PAGE if len(drafts) == 1 else Source.PASTE,
            by=scope.user.actor,
            key=_key(form),
        )
    except changes.ContactRefused as refused:
        form.refuse("reach", refused.message)
        return None
    if report.created:
        enqueue.enqueue_marking()
    if len(drafts) > 1:
        return answer_many(scope, dict(lines_of(typed)), drafts, report)
    answer = answer_one(scope, drafts[0], report.outcomes[0])
    if isinstance(answer, str):
        form.refuse("reach", answer)
        return None
    return answer


def _key(form: QuickAddForm) -> str:
    """The form's key with its text: a double click is one submission, an edited form after going back is another."""
    text = "\0".join([form.cleaned_data["name"], form.cleaned_data["reach"]])
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"page-{form.cleaned_data['key']}-{digest[:32]}"
