"""Passkeys (WebAuthn) as second factors beside app codes, stored with them by allauth (ADR 56).

python-fido2 parses the browser's answers and checks signatures. This module decides what to request and what to store.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils import timezone
from django.utils.encoding import force_bytes

from apps.accounts.models import Account
from apps.accounts.second_factors import adding_factor

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData

KIND = Authenticator.Type.WEBAUTHN
NAME_LIMIT, MOST = 60, 20
# Ed25519, ECDSA with P-256, RSA with SHA-256: what authenticators support. The library's default also allows SHA-1.
ALGORITHMS = (-8, -7, -257)


class NotProven(Exception):
    """The browser's answer proves nothing."""


class TooManyPasskeys(Exception):
    """The account has reached the maximum number of passkeys."""


@dataclass(frozen=True)
class Place:
    """The scope of a passkey: its host, and the origins of that host's pages."""

    host: str
    origins: frozenset[str]


@dataclass(frozen=True)
class Passkey:
    """One passkey as pages show it."""

    pk: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


def passkeys(account: Account) -> list[Passkey]:
    """An account's passkeys, oldest first."""
    found = Authenticator.objects.filter(user=account, type=KIND).order_by("pk")
    return [Passkey(one.pk, one.data["name"], one.created_at, one.last_used_at) for one in found]


def works_at(account: Account, place: Place) -> bool:
    """Whether the account has a passkey for this host."""
    return bool(_kept(account, place))


def ask_new(account: Account, place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the creation options for the browser and the state for the session."""
    from fido2.webauthn import PublicKeyCredentialUserEntity, ResidentKeyRequirement, UserVerificationRequirement

    asked, state = _server(place).register_begin(
        PublicKeyCredentialUserEntity(
            # Authenticators may reveal this id to any holder, so it is not the staff number.
            id=force_bytes(account.pk),
            name=account.login,
            display_name=str(account),
        ),
        credentials=[_public(one) for one in _kept(account, place)],
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(asked), state


def ask_known(account: Account, place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the request options for the account's passkeys and the state for the session. Raises NotProven."""
    from fido2.webauthn import UserVerificationRequirement as Wanted

    kept = _kept(account, place)
    if not kept:
        raise NotProven("none at this host")
    verified = all(one.data["verified"] for one in kept)
    asked, state = _server(place).authenticate_begin(
        credentials=[_public(one) for one in kept],
        user_verification=Wanted.REQUIRED if verified else Wanted.PREFERRED,
    )
    return dict(asked), state


def add_passkey(
    *, account: Account, place: Place, state: dict[str, Any], answer: str, name: str, enrolment_code: str = ""
) -> None:
    """Add the authenticator that gave this answer as a second factor of the account.

    Raises NotProven, TooManyPasskeys, CodeNeeded.
    """
    found = _registered(place, state, answer)
    credential = found.credential_data
    if credential is None or credential.public_key.get(3) not in ALGORITHMS:
        raise NotProven("no key of a kind that was asked for")
    data = {
        "name": name,
        "host": place.host,
        "credential": bytes(credential).hex(),
        "id": credential.credential_id.hex(),
        "counter": found.counter,
        "verified": found.is_user_verified(),
    }
    with adding_factor(account, kind="passkey", enrolment_code=enrolment_code):
        if Authenticator.objects.filter(type=KIND, data__id=data["id"]).exists():
            raise NotProven("known already")
        if Authenticator.objects.filter(user=account, type=KIND).count() >= MOST:
            raise TooManyPasskeys
        Authenticator.objects.create(user=account, type=KIND, data=data)


def check_passkey(*, account: Account, place: Place, state: dict[str, Any], answer: str) -> None:
    """Verify an answer and record the passkey's use. Raises NotProven for an invalid answer."""
    with transaction.atomic():
        kept = {one.data["id"]: one for one in _kept(account, place, lock=True)}
        used, counter, verified = _authenticated(place, state, answer, [_public(one) for one in kept.values()])
        one = kept[used]
        if one.data["verified"] and not verified:
            raise NotProven("the authenticator did not ask who it is")
        if (counter or one.data["counter"]) and counter <= one.data["counter"]:
            raise NotProven("its counter went back: there may be a copy of it")
        one.data["counter"], one.last_used_at = counter, timezone.now()
        one.save(update_fields=["data", "last_used_at"])


def _kept(account: Account, place: Place, *, lock: bool = False) -> list[Authenticator]:
    found = Authenticator.objects.filter(user=account, type=KIND, data__host=place.host).order_by("pk")
    return list(found.select_for_update() if lock else found)


def _public(one: Authenticator) -> AttestedCredentialData:
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(bytes.fromhex(one.data["credential"]))


def _server(place: Place) -> Fido2Server:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=place.host, name="Hundred"),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin in place.origins,
    )
    server.allowed_algorithms = [one for one in server.allowed_algorithms if one.alg in ALGORITHMS]
    return server


def _registered(place: Place, state: dict[str, Any], answer: str) -> Any:
    from fido2.webauthn import RegistrationResponse

    try:
        sent = RegistrationResponse.from_dict(json.loads(answer))
        _refuse_framed(sent)
        return _server(place).register_complete(state, sent)
    except Exception as error:
        # The input is untrusted: any parser error means that it proves nothing.
        raise NotProven(type(error).__name__) from error


def _authenticated(
    place: Place, state: dict[str, Any], answer: str, known: list[AttestedCredentialData]
) -> tuple[str, int, bool]:
    """Return (passkey id, counter, whether the authenticator verified the user)."""
    from fido2.webauthn import AuthenticationResponse

    try:
        sent = AuthenticationResponse.from_dict(json.loads(answer))
        _refuse_framed(sent)
        found = _server(place).authenticate_complete(state, known, sent)
    except Exception as error:
        raise NotProven(type(error).__name__) from error
    data = sent.response.authenticator_data
    return found.credential_id.hex(), data.counter, data.is_user_verified()


def _refuse_framed(sent: Any) -> None:
    if sent.response.client_data.cross_origin:
        raise NotProven("asked by a page of another house")
