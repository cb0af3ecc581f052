"""`/company/reminder-texts/`: the texts that managers may send. HR adds, changes and withdraws them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.dashboard.forms.reminders import ReminderTextForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import render
from apps.notifications.models import ReminderText
from apps.notifications.reminders.approved_texts import add_text, change_text, withdraw_text


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The current texts, and the form of a new one."""
    scope = hr_scope(request)
    form = ReminderTextForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with form.showing_refusals():
            text = add_text(**form.cleaned_data, by=scope.user.actor)
            messages.success(request, _("Managers can now send “%(title)s”.") % {"title": text.title})
            return redirect(scope.url("reminder-texts"))
    context = {"form": form, "texts": ReminderText.objects.current()}
    return render(scope, "company/reminder_texts.html", context, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, text_id: int) -> HttpResponse:
    """The form of the next version. A text that was replaced or withdrawn meanwhile is not found."""
    scope = hr_scope(request)
    text = _current(text_id)
    typed = {name: getattr(text, name) for name in ReminderTextForm.base_fields}
    form = ReminderTextForm(request.POST if request.method == "POST" else None, initial=typed)
    if request.method == "POST" and form.is_valid():
        with form.showing_refusals():
            changed = change_text(text_id=text.pk, **form.cleaned_data, by=scope.user.actor)
            messages.success(request, _("Managers can now send “%(title)s”.") % {"title": changed.title})
            return redirect(scope.url("reminder-texts"))
    return render(scope, "company/reminder_text.html", {"form": form, "text": text}, status=_status(form))


@require_POST
def withdraw(request: HttpRequest, text_id: int) -> HttpResponse:
    """Idempotent: of two clicks the second finds it withdrawn."""
    scope = hr_scope(request)
    try:
        withdraw_text(text_id=text_id, by=scope.user.actor)
    except ReminderText.DoesNotExist as unknown:
        raise Http404("There is no such text") from unknown
    messages.success(request, _("The text is withdrawn. Reminders that were sent keep it."))
    return redirect(scope.url("reminder-texts"))


def _current(text_id: int) -> ReminderText:
    text = ReminderText.objects.current().filter(pk=text_id).first()
    if text is None:
        raise Http404("There is no such text")
    return text


def _status(form: ReminderTextForm) -> int:
    return form.error_status if form.errors else 200
