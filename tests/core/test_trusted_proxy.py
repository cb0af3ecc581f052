"""Who is asking, behind proxies: what our own wrote is believed, what a caller wrote is not."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.core.middleware.trusted_proxy import TrustedProxyMiddleware


def seen(settings, trusted: list[str], **headers: str) -> tuple[str, bool]:
    """The client's address and whether the request counts as encrypted."""
    settings.TRUSTED_PROXIES = trusted
    met: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        met.append(request)
        return HttpResponse()

    TrustedProxyMiddleware(view)(RequestFactory().get("/", **headers))
    return met[0].META["REMOTE_ADDR"], met[0].is_secure()


FORWARDED = {"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https"}


def test_without_proxies_the_headers_say_nothing(settings) -> None:
    assert seen(settings, [], REMOTE_ADDR="198.51.100.1", **FORWARDED) == ("198.51.100.1", False)


def test_a_stranger_cannot_pretend_to_be_a_proxy(settings) -> None:
    assert seen(settings, ["10.0.0.0/8"], REMOTE_ADDR="198.51.100.1", **FORWARDED) == ("198.51.100.1", False)


def test_our_proxy_is_believed(settings) -> None:
    assert seen(settings, ["10.0.0.0/8"], REMOTE_ADDR="10.1.2.3", **FORWARDED) == ("203.0.113.9", True)


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the caller wrote the left one
        ("6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),  # two proxies of ours
        ("203.0.113.9, rubbish", "10.1.2.3"),
        ("rubbish, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("", "10.1.2.3"),
    ],
)
def test_the_client_is_the_last_one_that_is_not_ours(settings, chain: str, client: str) -> None:
    headers = {"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": chain}
    assert seen(settings, ["10.0.0.0/8"], **headers)[0] == client


def test_a_proxy_may_say_that_it_was_plain(settings) -> None:
    headers = {"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_PROTO": "http", "wsgi.url_scheme": "https"}
    assert seen(settings, ["10.0.0.0/8"], **headers)[1] is False


def test_a_name_is_no_address(settings) -> None:
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
        seen(settings, ["proxy.example.com"])
