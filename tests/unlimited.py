"""Tests, benches and faults ask faster than people do; the tests of limits set their own."""

UNLIMITED = {f"RATE_{kind}": "off" for kind in ("SIGN_IN", "STRANGER", "READ", "WRITE", "UPLOAD", "PEOPLE", "EXPORT")}
