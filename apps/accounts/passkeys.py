"""Passkeys (WebAuthn) as second factors beside app codes, stored with them by allauth (ADR 56).

python-fido2 parses the browser's answers and checks signatures. This module decides what to request and what to store.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
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

AUTHENTICATOR_TYPE = Authenticator.Type.WEBAUTHN
MAX_NAME_CHARS, MAX_PASSKEYS = 60, 20
# Ed25519, ECDSA with P-256, RSA with SHA-256: what authenticators support. The library's default also allows SHA-1.
ALGORITHMS = (-8, -7, -257)


class InvalidPasskeyResponse(Exception):
    """The browser's answer proves nothing."""


class TooManyPasskeys(Exception):
    """The account has reached the maximum number of passkeys."""


@dataclass(frozen=True)
class RelyingParty:
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
    factors = Authenticator.objects.filter(user=account, type=AUTHENTICATOR_TYPE).order_by("pk")
    return [Passkey(factor.pk, factor.data["name"], factor.created_at, factor.last_used_at) for factor in factors]


def has_passkey(account: Account, relying_party: RelyingParty) -> bool:
    return bool(_passkeys_of(account, relying_party))


def registration_options(account: Account, relying_party: RelyingParty) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the creation options for the browser and the state for the session."""
    # Imported here and below: the library takes long to load, and few processes need it.
    from fido2.webauthn import PublicKeyCredentialUserEntity, ResidentKeyRequirement, UserVerificationRequirement

    options, state = _server(relying_party).register_begin(
        PublicKeyCredentialUserEntity(
            # Authenticators may reveal this id to any holder, so it is not the staff number.
            id=force_bytes(account.pk),
            name=account.login,
            display_name=str(account),
        ),
        credentials=[_credential(passkey) for passkey in _passkeys_of(account, relying_party)],
        # The account is known from the password, so the authenticator need not store the name.
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return dict(options), state


def authentication_options(account: Account, relying_party: RelyingParty) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the request options for the account's passkeys and the state for the session.

    Raises InvalidPasskeyResponse.
    """
    from fido2.webauthn import UserVerificationRequirement as Wanted

    stored = _passkeys_of(account, relying_party)
    if not stored:
        raise InvalidPasskeyResponse("none at this host")
    # An authenticator that verified its user once must always do so; one without a PIN cannot.
    verified = all(passkey.data["verified"] for passkey in stored)
    options, state = _server(relying_party).authenticate_begin(
        credentials=[_credential(passkey) for passkey in stored],
        user_verification=Wanted.REQUIRED if verified else Wanted.PREFERRED,
    )
    return dict(options), state


def add_passkey(
    *,
    account: Account,
    relying_party: RelyingParty,
    state: dict[str, Any],
    answer: str,
    name: str,
    enrolment_code: str = "",
) -> None:
    """Add the authenticator that gave this answer as a second factor of the account.

    Raises InvalidPasskeyResponse, TooManyPasskeys, EnrolmentCodeRequired.
    """
    from fido2.webauthn import RegistrationResponse

    server = _server(relying_party)
    _response, authenticator = _verify(RegistrationResponse, answer, partial(server.register_complete, state))
    credential = authenticator.credential_data
    if credential is None or credential.public_key.get(3) not in ALGORITHMS:
        raise InvalidPasskeyResponse("no key of a kind that was asked for")
    data = {
        "name": name,
        "host": relying_party.host,
        "credential": bytes(credential).hex(),
        "id": credential.credential_id.hex(),
        "counter": authenticator.counter,
        "verified": authenticator.is_user_verified(),
    }
    with adding_factor(account, kind="passkey", enrolment_code=enrolment_code):
        if Authenticator.objects.filter(type=AUTHENTICATOR_TYPE, data__id=data["id"]).exists():
            raise InvalidPasskeyResponse("known already")
        if Authenticator.objects.filter(user=account, type=AUTHENTICATOR_TYPE).count() >= MAX_PASSKEYS:
            raise TooManyPasskeys
        Authenticator.objects.create(user=account, type=AUTHENTICATOR_TYPE, data=data)


def check_passkey(*, account: Account, relying_party: RelyingParty, state: dict[str, Any], answer: str) -> None:
    """Verify an answer and record the passkey's use. Raises InvalidPasskeyResponse for an invalid answer."""
    from fido2.webauthn import AuthenticationResponse

    with transaction.atomic():
        # Locked, so that two answers with one counter cannot both pass.
        stored = {passkey.data["id"]: passkey for passkey in _passkeys_of(account, relying_party, lock=True)}
        credentials = [_credential(passkey) for passkey in stored.values()]
        complete = partial(_server(relying_party).authenticate_complete, state, credentials)
        response, credential = _verify(AuthenticationResponse, answer, complete)
        data = response.response.authenticator_data
        passkey, counter = stored[credential.credential_id.hex()], data.counter
        if passkey.data["verified"] and not data.is_user_verified():
            raise InvalidPasskeyResponse("the authenticator did not ask who it is")
        # Many authenticators always report 0; then there is nothing to compare.
        if (counter or passkey.data["counter"]) and counter <= passkey.data["counter"]:
            raise InvalidPasskeyResponse("its counter went back: there may be a copy of it")
        passkey.data["counter"], passkey.last_used_at = counter, timezone.now()
        passkey.save(update_fields=["data", "last_used_at"])


def _passkeys_of(account: Account, relying_party: RelyingParty, *, lock: bool = False) -> list[Authenticator]:
    passkeys_here = Authenticator.objects.filter(
        user=account, type=AUTHENTICATOR_TYPE, data__host=relying_party.host
    ).order_by("pk")
    return list(passkeys_here.select_for_update() if lock else passkeys_here)


def _credential(passkey: Authenticator) -> AttestedCredentialData:
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(bytes.fromhex(passkey.data["credential"]))


def _server(relying_party: RelyingParty) -> Fido2Server:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=relying_party.host, name="Hundred"),
        # The make of the authenticator is of no interest, and asking for it shows a warning in browsers.
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin in relying_party.origins,
    )
    server.allowed_algorithms = [algorithm for algorithm in server.allowed_algorithms if algorithm.alg in ALGORITHMS]
    return server


def _verify(response_type: Any, answer: str, complete: Callable[[Any], Any]) -> tuple[Any, Any]:
    """The parsed answer of a browser and the library's result for it. Raises InvalidPasskeyResponse."""
    try:
        response = response_type.from_dict(json.loads(answer))
        if response.response.client_data.cross_origin:
            raise InvalidPasskeyResponse("requested by a page of another site")
        return response, complete(response)
    except Exception as error:
        # The input is untrusted: any parser error means that it proves nothing.
        raise InvalidPasskeyResponse(type(error).__name__) from error
