"""A fake provider: valid by default, and invalid in exactly one place per test."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

# Path of the answers after a redirect.
MOVED = "/moved"
CLIENT, SECRET = "hundred", "not so secret"
Change = Callable[[dict[str, Any]], Any]
Answer = tuple[int, Any]


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


# Created once, because key generation is slow: the provider's key, and a foreign one.
KEY, OTHER_KEY = new_key(), new_key()


def jwk(key: rsa.RSAPrivateKey, **more: Any) -> dict[str, Any]:
    public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": "one", "use": "sig", "alg": "RS256", **more}


class Forger:
    """Serves discovery, keys, tokens and user info; a test replaces parts of the answers."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.discovery: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/who",
        }
        self.keys: Any = {"keys": [jwk(KEY)]}
        self.who: Any = None
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], Any] = lambda claims: sign(claims)
        self.token_answer: Callable[[dict[str, Any]], Answer] = lambda answer: (200, answer)
        self.codes: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        # Paths that redirect to the right answer elsewhere, and the requests that followed the redirect.
        self.moved: dict[str, int] = {}
        self.followed: list[str] = []

    def code_for(self, nonce: str) -> str:
        """An authorization code for this nonce, valid once."""
        code = f"code{len(self.codes)}"
        self.codes[code] = nonce
        return code

    def answer(self, method: str, path: str, form: dict[str, str]) -> Answer:
        if path in self.moved:
            return self.moved[path], {"moved": "elsewhere"}
        if path.startswith(MOVED):
            self.followed.append(path)
            path = path.removeprefix(MOVED)
        if path == "/.well-known/openid-configuration":
            return 200, self.discovery
        if path == "/keys":
            return 200, self.keys
        if path == "/who":
            return 200, {"sub": self.claims.get("sub")} if self.who is None else self.who
        if path == "/token" and method == "POST":
            return self._token(form)
        return 404, {}

    def _token(self, form: dict[str, str]) -> Answer:
        self.asked.append(form)
        nonce = self.codes.pop(form.get("code", ""), None)
        if nonce is None:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        usual = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {name: value for name, value in {**usual, **self.claims}.items() if value is not None}
        answer = {"access_token": "at", "token_type": "Bearer", "id_token": self.sign(claims)}
        return self.token_answer(answer)


def sign(claims: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", **header: Any) -> str:
    """Sign an ID token; `header` overrides header fields."""
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "one", **header})


@contextmanager
def serving() -> Iterator[Forger]:
    """Run a forger at a local address."""

    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            status, body = forger.answer(self.command, urlsplit(self.path).path, form)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", MOVED + self.path)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._do()

        def do_POST(self) -> None:
            self._do()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        forger = Forger(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield forger
        finally:
            server.shutdown()
