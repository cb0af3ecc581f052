"""`/operator/webhooks/`: the servers that are informed of events, their secrets and deliveries. For operators alone."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import Refused
from apps.dashboard.forms.webhooks import EndpointForm
from apps.dashboard.labels import webhooks as labels
from apps.dashboard.operators import operator_page
from apps.dashboard.views.list_pages import list_page
from apps.dashboard.views.page_context import PageContext, render
from apps.notifications.webhooks import services
from apps.notifications.webhooks.endpoint_secrets import UndecryptableSecret, decrypt
from apps.notifications.webhooks.event_types import LABELS
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint
from apps.notifications.webhooks.signing import Scheme, public_key

PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@operator_page
def index(request: HttpRequest) -> HttpResponse:
    """The endpoints, with a form for one more; only the creating response shows the secret."""
    scope = PageContext(request)
    if request.method != "POST":
        return _index(scope, EndpointForm())
    form = EndpointForm(request.POST)
    if form.is_valid():
        with form.showing_refusals():
            endpoint, secret = services.add_endpoint(by=scope.user.actor, **form.cleaned_data)
            # No redirect: the secret is stored encrypted, and no other page shows it.
            return _detail(scope, endpoint, secret=secret)
    return _index(scope, form, status=form.error_status)


def _index(scope: PageContext, form: EndpointForm, status: int = 200) -> HttpResponse:
    rows = [
        {"endpoint": endpoint, "badge": labels.endpoint_badge(endpoint), "events": _event_labels(endpoint)}
        for endpoint in WebhookEndpoint.objects.visible_to(scope.user).order_by("pk")
    ]
    return render(scope, "operator/webhooks.html", {"form": form, "rows": rows}, status=status)


@require_safe
@operator_page
def detail(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    scope = PageContext(request)
    return _detail(scope, _endpoint(scope, endpoint_id))


def _detail(scope: PageContext, endpoint: WebhookEndpoint, *, secret: str = "", status: int = 200) -> HttpResponse:
    def address(**query: str) -> str:
        return scope.url("webhook", endpoint.pk, **query) + "#list"

    deliveries = WebhookDelivery.objects.filter(endpoint=endpoint)
    page = list_page(scope, deliveries, "-pk", size=PAGE, address=address)
    is_shared = endpoint.scheme == Scheme.HMAC
    context = {
        "endpoint": endpoint, "badge": labels.endpoint_badge(endpoint), "events": _event_labels(endpoint), "page": page,
        "rows": [_row(delivery) for delivery in page.rows], "secret": secret if is_shared else "",
        "is_shared": is_shared, "public_key": "" if is_shared else _public_key(endpoint),
        "previous": services.previous_secrets(endpoint, scope.now),
    }  # fmt: skip
    return render(scope, "operator/webhook.html", context, status=status)


def _row(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "delivery": delivery, "label": LABELS.get(delivery.event_type, delivery.event_type),
        "badge": labels.delivery_badge(delivery), "error": labels.ERRORS.get(delivery.error, delivery.error),
        "retry_at": labels.retry_at(delivery), "can_send": delivery.ended_at or delivery.attempts,
    }  # fmt: skip


def _event_labels(endpoint: WebhookEndpoint) -> list[Any]:
    return [LABELS.get(name, name) for name in endpoint.event_types]


def _public_key(endpoint: WebhookEndpoint) -> str:
    try:
        return public_key(decrypt(endpoint.secret))
    except UndecryptableSecret:
        return ""


def _endpoint(scope: PageContext, endpoint_id: int) -> WebhookEndpoint:
    return get_object_or_404(WebhookEndpoint.objects.visible_to(scope.user), pk=endpoint_id)


@require_POST
@operator_page
def rotate(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    """Replace the secret; only this response shows the new one."""
    scope = PageContext(request)
    endpoint = _endpoint(scope, endpoint_id)
    try:
        endpoint, secret = services.rotate_secret(endpoint=endpoint, by=scope.user.actor, now=scope.now)
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect(scope.url("webhook", endpoint.pk))
    return _detail(scope, endpoint, secret=secret)


@require_POST
@operator_page
def enable(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    return _apply(request, endpoint_id, services.enable_endpoint, _("“%(name)s” is enabled."))


@require_POST
@operator_page
def disable(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    return _apply(request, endpoint_id, services.disable_endpoint, _("“%(name)s” is disabled."))


@require_POST
@operator_page
def delete(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    return _apply(request, endpoint_id, services.delete_endpoint, _("“%(name)s” is deleted."), to_list=True)


def _apply(
    request: HttpRequest, endpoint_id: int, service: Callable[..., Any], done: str, *, to_list: bool = False
) -> HttpResponse:
    scope = PageContext(request)
    endpoint = _endpoint(scope, endpoint_id)
    service(endpoint=endpoint, by=scope.user.actor)
    messages.success(request, done % {"name": str(endpoint)})
    return redirect(scope.url("webhooks") if to_list else scope.url("webhook", endpoint_id))


@require_POST
@operator_page
def test(request: HttpRequest, endpoint_id: int) -> HttpResponse:
    scope = PageContext(request)
    endpoint = _endpoint(scope, endpoint_id)
    try:
        services.send_test_event(endpoint=endpoint, by=scope.user.actor, now=scope.now)
        messages.success(request, _("A test event is on its way. Reload this page to see the response."))
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect(scope.url("webhook", endpoint_id) + "#list")


@require_POST
@operator_page
def replay(request: HttpRequest, endpoint_id: int, delivery_id: int) -> HttpResponse:
    scope = PageContext(request)
    endpoint = _endpoint(scope, endpoint_id)
    delivery = get_object_or_404(WebhookDelivery.objects.filter(endpoint=endpoint), pk=delivery_id)
    try:
        services.replay_delivery(delivery=delivery, by=scope.user.actor, now=scope.now)
        messages.success(request, _("The event is sent again, under the same id."))
    except Refused as refusal:
        messages.error(request, refusal.message)
    return redirect(scope.url("webhook", endpoint_id) + "#list")
