"""What a browser may load and use on a page: the Content-Security-Policy and the Permissions-Policy."""

from collections.abc import Iterable
from typing import Any

from csp.constants import NONE, SELF

UNNEEDED_FEATURES = (
    "accelerometer camera display-capture geolocation gyroscope magnetometer microphone midi payment serial usb"
)
PERMISSIONS_POLICY: dict[str, list[str]] = {feature: [] for feature in UNNEEDED_FEATURES.split()}


def content_security_policy(style_hashes: Iterable[str]) -> dict[str, Any]:
    """`style_hashes`: the style sheets that a script inserts."""
    return {
        "DIRECTIVES": {
            **{key: [NONE] for key in ["default-src", "frame-ancestors", "base-uri", "object-src"]},
            **{key: [SELF] for key in ["script-src", "font-src", "connect-src", "manifest-src", "form-action"]},
            "style-src": [SELF, *style_hashes],
            "img-src": [SELF, "data:", "blob:"],  # blob: for the chart's own download button
        },
    }
