"""System checks of the settings for monitoring."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

MIN_TOKEN_CHARS = 32
HINT = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' creates one."


@register(Tags.security)
def check_metrics_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report a token that no monitor can send, or a port that does not exist, at the start."""
    messages: list[CheckMessage] = []
    token = settings.METRICS_TOKEN
    if not (token.isascii() and token.isprintable() and " " not in token):
        text = "METRICS_TOKEN has a space, a line break or a letter that a request cannot carry."
        messages.append(Error(text, hint=HINT, id="hundred.E030"))
    if not 0 <= settings.METRICS_PORT <= 65_535:
        messages.append(Error("METRICS_PORT is not the number of a port.", id="hundred.E031"))
    return messages


@register(Tags.security, deploy=True)
def check_metrics_token_length(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a short token, which can be guessed: nothing counts wrong tokens at /metrics."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= MIN_TOKEN_CHARS:
        return []
    text = f"METRICS_TOKEN has less than {MIN_TOKEN_CHARS} characters."
    return [checks.Warning(text, hint=HINT, id="hundred.W032")]
