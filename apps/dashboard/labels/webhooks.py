"""Labels for webhooks: the state of an endpoint, and why a delivery failed."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.dashboard.labels.base import Badge, Text
from apps.notifications.webhooks.models import WebhookDelivery, WebhookEndpoint

ERRORS: dict[str, Text] = {
    "": "",
    "status": _("refused by the server"),
    "redirect": _("the server redirects, which is not followed"),
    "blocked": _("the address leads into a private network"),
    "dns": _("the host name was not found"),
    "connect": _("no connection"),
    "tls": _("no valid certificate, or no TLS"),
    "timeout": _("no response within ten seconds"),
    "not_http": _("the response is not HTTP"),
    "secret": _("the secret cannot be decrypted with SECRET_KEY: replace it"),
    "internal": _("an error in Hundred: see the log of the worker"),
    "too_old": _("it had waited for a week"),
}
DISABLED = Badge("disabled", pgettext_lazy("a webhook", "Disabled"), "", "circle-pause")
GONE = Badge("gone", _("Disabled: the server answered 410"), "amber", "circle-pause")
FAILING = Badge("failing", pgettext_lazy("a webhook", "Failing"), "amber", "triangle-alert")
WORKS = Badge("works", pgettext_lazy("a webhook", "Working"), "green", "check")
UNUSED = Badge("unused", _("Nothing sent yet"), "", "minus")
DELIVERED = Badge("delivered", pgettext_lazy("a webhook", "Delivered"), "green", "check")
FAILED = Badge("failed", pgettext_lazy("a webhook", "Failed"), "amber", "triangle-alert")
WAITING = Badge("waiting", pgettext_lazy("a webhook", "Waiting"), "", "hourglass")
RETRIED = Badge("retried", _("Tried again"), "amber", "refresh-cw")


def endpoint_badge(endpoint: WebhookEndpoint) -> Badge:
    if not endpoint.enabled:
        return GONE if endpoint.disabled_reason == "gone" else DISABLED
    if endpoint.failing_since:
        return FAILING
    return WORKS if endpoint.succeeded_at else UNUSED


def delivery_badge(delivery: WebhookDelivery) -> Badge:
    if delivery.state == WebhookDelivery.State.DUE:
        return RETRIED if delivery.attempts else WAITING
    return DELIVERED if delivery.state == WebhookDelivery.State.DELIVERED else FAILED


def retry_at(delivery: WebhookDelivery) -> datetime | None:
    """When a delivery that failed is attempted next."""
    return delivery.due_at if delivery.state == WebhookDelivery.State.DUE and delivery.attempts else None
