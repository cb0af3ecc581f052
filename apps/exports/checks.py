"""System checks of the audit stream's receiver."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from apps.exports.audit_stream.receivers import InvalidReceiver, is_unprotected, receiver


@register(Tags.security)
def check_audit_stream(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report an unusable AUDIT_STREAM at the start: otherwise no entry would be sent."""
    try:
        if settings.AUDIT_STREAM:
            receiver(settings.AUDIT_STREAM)
    except InvalidReceiver as error:
        return [Error(str(error), hint="docs/deployment.md, The audit trail as a stream.", id="hundred.E024")]
    return []


@register(Tags.security, deploy=True)
def check_audit_stream_protection(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report a receiver on another host without TLS: the lines hold personal data."""
    if not is_unprotected(settings.AUDIT_STREAM):
        return []
    hint = "syslog:tls://host:6514, or a syslog server on this machine that forwards with TLS."
    return [Error("AUDIT_STREAM names another host without TLS.", hint=hint, id="hundred.E025")]
