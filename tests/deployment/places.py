"""The files of docs/deployment, and the processes and certificates to try them with."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from apps.localstack.paths import BASE_DIR
from scripts.check import PRODUCTION
from tests import plugin
from tests.deployment.confined import values

FILES = BASE_DIR / "docs" / "deployment"
UNITS = FILES / "systemd"
HOST = "hundred.example.com"
START_TIMEOUT_SECONDS = 180.0


def production(**more: str) -> dict[str, str]:
    """The environment of a server's process on the database of the tests: nothing of the local mode."""
    clean = {name: value for name, value in os.environ.items() if name not in plugin.OURS}
    settings = PRODUCTION | {"DATABASE_URL": plugin.ENVIRONMENT["DATABASE_URL"], "TRUSTED_PROXIES": "127.0.0.1"}
    # The database's value of the key is of the tests.
    settings["IDENTITY_KEY"] = plugin.ENVIRONMENT["IDENTITY_KEY"]
    settings.pop("DATABASE_OWNER_URL")
    return clean | settings | more


def command_of(unit: str, **changes: str) -> list[str]:
    """What a unit starts, under its own filter, with this environment's programs and other arguments."""
    line = values(UNITS / unit, "ExecStart")[0]
    for before, after in changes.items():
        assert before in line
        line = line.replace(before, after)
    program, *arguments = line.split()
    here = Path(sys.executable).with_name(Path(program).name)
    confined = [sys.executable, "-m", "tests.deployment.confined", str(UNITS / unit)]
    return [*confined, sys.executable, str(here), *arguments]


@contextlib.contextmanager
def running(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[Path]:
    """A process in the clone's folder that writes to `log` and is stopped in order at the end."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield log
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(text: str, log: Path, *others: Path) -> None:
    """Return when the log has the text; fails with the end of this log and of the others when it does not come."""
    end = time.monotonic() + START_TIMEOUT_SECONDS
    while text not in log.read_text(encoding="utf-8", errors="replace"):
        if time.monotonic() >= end:
            raise AssertionError(
                "\n".join(
                    f"{one}:\n{one.read_text(encoding='utf-8', errors='replace')[-5000:]}" for one in (log, *others)
                )
            )
        time.sleep(0.1)


def write_chain(folder: Path, host: str = "localhost") -> tuple[Path, Path, Path]:
    """A company's own authority and a server's certificate by it: (ca.pem, server.pem, server.key)."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Company CA", authority_key.public_key(), authority_key, [], ca=True)
    names = [x509.DNSName(host), x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
    server = _certificate(host, key.public_key(), authority_key, names, ca=False)
    paths = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    paths[0].write_bytes(authority.public_bytes(Encoding.PEM))
    paths[1].write_bytes(server.public_bytes(Encoding.PEM))
    paths[2].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


def _certificate(
    subject: str, key: ec.EllipticCurvePublicKey, authority: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName],
    *, ca: bool,
) -> x509.Certificate:  # fmt: skip
    """With the extensions of RFC 5280 without which Python 3.13 refuses a certificate (ssl.VERIFY_X509_STRICT)."""
    now = datetime.now(UTC)
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, "Company CA")
    )
    usage = x509.KeyUsage(
        digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = x509.CertificateBuilder(issuer_name, subject_name, key, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(authority, SHA256())
