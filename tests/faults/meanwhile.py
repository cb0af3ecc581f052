"""Works in separate threads while a scenario causes its faults in the main one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self


class Meanwhile:
    """Inside `with`, the works run until each sees that it is `over`; at the end they have finished."""

    def __init__(self, works: list[Callable[[], None]]) -> None:
        self.over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in works]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()
