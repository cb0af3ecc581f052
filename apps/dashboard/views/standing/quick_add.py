"""`/contacts/add/`: the short form on `/` and on the list, for one person or a pasted list."""

import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.contacts.models import Source, Submission
from apps.contacts.pasting import lines_of
from apps.contacts.services import submissions
from apps.core import clock
from apps.core.errors import Refused
from apps.core.rate_limits import account_key, enforce_people_limits
from apps.core.sentences import join_sentences
from apps.dashboard.forms.base import QuickAddForm
from apps.dashboard.page_address import referring_page
from apps.dashboard.views.contacts.contacts import contacts_page
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.my_standing import contact_groups, load_contacts, standing_page
from apps.dashboard.views.standing.quick_add_feedback import (
    Feedback,
    feedback_on_many,
    feedback_on_one,
    number_now,
    undo_feedback,
)
from apps.dashboard.views.standing.quick_add_preview import understand


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Record the people in the form. Idempotent; refused lines come back in the form."""
    scope = PageContext(request)
    form = QuickAddForm(request.POST)
    feedback = _record(scope, form) if form.is_valid() else None
    form = form.with_new_key() if feedback is None else QuickAddForm.with_failed_lines(feedback.failed, feedback.text)
    if getattr(request, "htmx", False):
        return _partial_response(scope, form, feedback)
    return _page_response(scope, form, feedback)


def _partial_response(scope: PageContext, form: QuickAddForm, feedback: Feedback | None) -> HttpResponse:
    """The form, and the parts of the page that the recording changed."""
    if feedback is None:
        return render(scope, "standing/_quick_add.html", {"form": form}, status=422)
    context = _feedback_context(scope, feedback)
    form.summary = context["text"]
    status = 422 if feedback.failed else 200
    return _recorded(render(scope, "standing/_quick_add_feedback.html", {"form": form, **context}, status=status))


def _feedback_context(scope: PageContext, feedback: Feedback) -> dict[str, Any]:
    return {
        "text": join_sentences([feedback.text, number_now(scope)]),
        "level": messages.DEFAULT_TAGS[feedback.level],
        "submission_id": feedback.submission_id,
        # The request began before the recording, and reports show only what came before their instant.
        **contact_groups(load_contacts(scope, clock.db_now())),
    }


def _recorded(response: HttpResponse) -> HttpResponse:
    # page.js polls the standing quickly after this event.
    response["HX-Trigger"] = "recorded"
    return response


def _page_response(scope: PageContext, form: QuickAddForm, feedback: Feedback | None) -> HttpResponse:
    from_list = scope.request.GET.get("next") == "contacts"
    if feedback:
        messages.add_message(scope.request, feedback.level, feedback.text, extra_tags=feedback.extra_tags)
    if feedback is None or feedback.failed:
        show = contacts_page if from_list else standing_page
        # A new context: what was just recorded must be before its instant to be shown.
        return show(PageContext(scope.request), form, status=422)
    return redirect(scope.url("contacts") if from_list else scope.url("me", added=1))


def _record(scope: PageContext, form: QuickAddForm) -> Feedback | None:
    """The feedback after recording; None when a single person was refused (the form shows why)."""
    typed = form.cleaned_data["reach"]
    # By people, not by requests: a pasted list of 200 must not escape the limit.
    enforce_people_limits(account_key(scope.user.pk), len(lines_of(typed)))
    drafts = form.drafts
    try:
        report = submissions.submit(
            employee=scope.required_employee,
            drafts=drafts,
            source=Source.PAGE if len(drafts) == 1 else Source.PASTE,
            by=scope.user.actor,
            key=_key(form),
        )
    except Refused as refused:
        form.refuse("reach", refused.message)
        return None
    if len(drafts) > 1:
        feedback: Feedback | str = feedback_on_many(scope, dict(lines_of(typed)), drafts, report)
    else:
        feedback = feedback_on_one(scope, drafts[0], report.outcomes[0])
    if isinstance(feedback, str):
        form.refuse("reach", feedback)
        form.understood = understand(drafts)
        return None
    return replace(feedback, submission_id=report.submission_id if report.created else None)


@require_POST
def undo(request: HttpRequest, submission_id: UUID) -> HttpResponse:
    """End what one submission of this form recorded."""
    scope = PageContext(request)
    typed = Submission.objects.filter(employee=scope.required_employee, source__in=[Source.PAGE, Source.PASTE])
    get_object_or_404(typed, pk=submission_id)
    feedback = undo_feedback(scope, submission_id)
    if getattr(request, "htmx", False):
        # The form stays as it is: the next person may be half typed.
        return _recorded(render(scope, "standing/_added.html", _feedback_context(scope, feedback)))
    messages.add_message(request, feedback.level, feedback.text)
    from_list = referring_page(request).startswith(reverse("contacts"))
    return redirect(scope.url("contacts" if from_list else "me"))


def _key(form: QuickAddForm) -> str:
    """The form's key with its text: a double click is one submission, an edited form after going back is another."""
    text = "\0".join([form.cleaned_data["name"], form.cleaned_data["reach"]])
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"page-{form.cleaned_data['key']}-{digest[:32]}"
