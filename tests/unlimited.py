"""Tests, benchmarks and fault injection send requests faster than people; the tests of limits set their own."""

UNLIMITED = {f"RATE_{kind}": "off" for kind in ("SIGN_IN", "STRANGER", "READ", "WRITE", "UPLOAD", "PEOPLE", "EXPORT")}
UNLIMITED["MAX_REQUESTS_AT_ONCE"] = "0"
