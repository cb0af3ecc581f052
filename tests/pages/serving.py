"""A server of the company's pages in this process: for screenshots and tests."""

import contextlib
from collections.abc import Iterator

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test import override_settings
from django.test.testcases import LiveServerThread

from tests.fixtures import Clock
from tests.pages import company


@contextlib.contextmanager
def served(handler: type[StaticFilesHandler] = StaticFilesHandler) -> Iterator[tuple[str, Clock]]:
    """The address of a server with only the roster, and the clock, which `states.fill` continues."""
    clock = Clock()
    clock.set("2026-09-01T00:00:01+08:00", ticks=True)
    company.load_everybody()
    with override_settings(ROOT_URLCONF="tests.pages.saying"):
        server = LiveServerThread("127.0.0.1", handler)
        server.daemon = True
        server.start()
        server.is_ready.wait()
        if server.error:
            raise server.error
        try:
            yield f"http://127.0.0.1:{server.port}", clock
        finally:
            server.terminate()
            server.join()
