"""The health check of the container image: exits with 0 when the web process of this container answers.

Needs only the standard library. It asks `/health/live`; whether the database answers is `/health/ready`, which must not
restart a web process.
"""

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 4.0


def answers(port: int, host: str) -> bool:
    """Whether a web process on this machine answers for the given host name."""
    url = f"http://127.0.0.1:{port}/health/live"
    request = urllib.request.Request(url, headers={"Host": host})  # an address of our own
    # A proxy of the environment must not be asked for a process of this container.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def main() -> int:
    host = urlsplit(os.environ.get("BASE_URL", "")).netloc or "localhost"
    return 0 if answers(int(os.environ.get("PORT", "8000")), host) else 1


if __name__ == "__main__":
    sys.exit(main())
