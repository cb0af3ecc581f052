"""A receiver can tell a message of Hundred from a forged one: with the published library, and by the specification."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from apps.notifications.webhooks.signing import Scheme, new_secret, public_key, signed_headers

BODY = b'{"type": "endpoint.test", "data": {"a": "\xe6\x98\xaf"}}'


def test_the_published_vector_has_the_published_signature() -> None:
    """The example of the specification; a difference here makes every receiver refuse every message."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    headers = signed_headers([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", datetime.fromtimestamp(1614265330, UTC), body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_with_the_published_library_accepts_a_message_and_no_changed_one() -> None:
    secret = new_secret(Scheme.HMAC)
    headers = signed_headers([secret], "msg_1", datetime.now(UTC), BODY)
    assert Webhook(secret).verify(BODY, headers)["type"] == "endpoint.test"
    for changed in ({"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(BODY, headers | changed)
    for body, key in ((BODY + b" ", secret), (BODY, new_secret(Scheme.HMAC))):
        with pytest.raises(WebhookVerificationError):
            Webhook(key).verify(body, headers)


def test_the_timestamp_does_not_depend_on_the_zone_of_the_instant() -> None:
    secret, at = new_secret(Scheme.HMAC), datetime.now(UTC)
    in_shanghai = at.astimezone(timezone(timedelta(hours=8)))
    assert signed_headers([secret], "msg_1", at, BODY) == signed_headers([secret], "msg_1", in_shanghai, BODY)


def test_during_a_rotation_receivers_of_both_secrets_accept_a_message() -> None:
    secrets = [new_secret(Scheme.HMAC), new_secret(Scheme.HMAC)]
    headers = signed_headers(secrets, "msg_1", datetime.now(UTC), BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in secrets:
        Webhook(secret).verify(BODY, headers)


def test_a_key_pair_signs_what_its_public_key_verifies() -> None:
    secret = new_secret(Scheme.ED25519)
    assert secret.startswith("whsk_")
    headers = signed_headers([secret], "msg_1", datetime.now(UTC), BODY)
    version, signature = headers["webhook-signature"].split(",")
    assert version == "v1a"
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key(secret).removeprefix("whpk_")))
    signed = b".".join((b"msg_1", headers["webhook-timestamp"].encode(), BODY))
    key.verify(base64.b64decode(signature), signed)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), signed + b" ")


def test_no_two_secrets_are_equal_and_a_shared_one_has_no_public_key() -> None:
    assert len({new_secret(scheme) for scheme in Scheme for _time in range(20)}) == 40
    assert public_key(new_secret(Scheme.HMAC)) == ""
    assert len(base64.b64decode(new_secret(Scheme.HMAC).removeprefix("whsec_"))) == 32
