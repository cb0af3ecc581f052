"""Finds the client's address behind the trusted proxies."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

Networks = list[IPv4Network | IPv6Network]


class TrustedProxyMiddleware:
    """Takes the client's address and scheme from X-Forwarded-For and -Proto, but only from TRUSTED_PROXIES; removes
    X-Request-ID of other senders.

    Any client can send these headers. Only the part that the last trusted proxy wrote about its own caller is reliable;
    the caller wrote everything to the left of it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted = _networks(settings.TRUSTED_PROXIES)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self.trusted and self._is_trusted(request.META.get("REMOTE_ADDR", "")):
            scheme = request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
            if scheme in ("http", "https"):
                request.META["wsgi.url_scheme"] = scheme
            request.META["REMOTE_ADDR"] = self._client(request)
        else:
            request.META.pop("HTTP_X_REQUEST_ID", None)
        return self.get_response(request)

    def _client(self, request: HttpRequest) -> str:
        """The rightmost address that is not a trusted proxy."""
        client: str = request.META["REMOTE_ADDR"]
        # Each proxy appends the address of its own caller. Right of the first unknown one, all are ours.
        for hop in reversed(request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            address = hop.strip()
            if not _is_address(address):
                # A text that is no address was not written by a proxy of ours: everything left of it is a claim.
                break
            client = address
            if not self._is_trusted(address):
                break
        return client

    def _is_trusted(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self.trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _networks(names: list[str]) -> Networks:
    try:
        return [ip_network(name.strip()) for name in names if name.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"TRUSTED_PROXIES takes addresses and networks: {error}") from error
