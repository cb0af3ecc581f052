"""The client's address behind proxies: headers of trusted proxies count, those of callers do not."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from apps.core.middleware.trusted_proxy import TrustedProxyMiddleware


def client_of(settings, trusted: list[str], **headers: str) -> tuple[str, bool]:
    """The client's address and whether the request counts as encrypted."""
    settings.TRUSTED_PROXIES = trusted
    requests: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        return HttpResponse()

    TrustedProxyMiddleware(view)(RequestFactory().get("/", **headers))
    return requests[0].META["REMOTE_ADDR"], requests[0].is_secure()


FORWARDED = {"HTTP_X_FORWARDED_FOR": "203.0.113.9", "HTTP_X_FORWARDED_PROTO": "https"}


def test_without_trusted_proxies_the_headers_are_ignored(settings) -> None:
    assert client_of(settings, [], REMOTE_ADDR="198.51.100.1", **FORWARDED) == ("198.51.100.1", False)


def test_a_stranger_cannot_pretend_to_be_a_proxy(settings) -> None:
    assert client_of(settings, ["10.0.0.0/8"], REMOTE_ADDR="198.51.100.1", **FORWARDED) == ("198.51.100.1", False)


def test_the_headers_of_a_trusted_proxy_are_used(settings) -> None:
    assert client_of(settings, ["10.0.0.0/8"], REMOTE_ADDR="10.1.2.3", **FORWARDED) == ("203.0.113.9", True)


@pytest.mark.parametrize(
    ("chain", "client"),
    [
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),  # the caller wrote the left one
        ("6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),  # two trusted proxies
        ("203.0.113.9, rubbish", "10.1.2.3"),
        ("rubbish, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("", "10.1.2.3"),
    ],
)
def test_the_client_is_the_last_untrusted_address(settings, chain: str, client: str) -> None:
    headers = {"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": chain}
    assert client_of(settings, ["10.0.0.0/8"], **headers)[0] == client


def test_a_proxy_may_report_plain_http(settings) -> None:
    headers = {"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_PROTO": "http", "wsgi.url_scheme": "https"}
    assert client_of(settings, ["10.0.0.0/8"], **headers)[1] is False


def test_a_host_name_is_not_an_address(settings) -> None:
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
        client_of(settings, ["proxy.example.com"])
