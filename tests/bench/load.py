"""Requests to a stack, and their results."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent
from tests.bench.running import WrongCount


@dataclass(frozen=True)
class Load:
    """Requests for one stack, as `client` takes them. With `rate` each is sent once; `follow` waits for the number."""

    address: str
    asks: Sequence[dict[str, Any]]
    connections: int = 1
    seconds: float = 0.0
    rate: float | None = None
    follow: bool = False


@dataclass(frozen=True)
class Answer:
    """A status (0 without an answer), the seconds since the request was due, and when it was answered."""

    status: int
    latency: float
    at: float


@dataclass(frozen=True)
class Result:
    """Everything that came back, in the order of the requests where the loop was open."""

    seconds: float
    answers: list[Answer] = field(repr=False)

    @property
    def rate(self) -> float:
        return len(self.answers) / self.seconds

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def percentile(self, share: float) -> float:
        """The latency, in milliseconds, which so many of a hundred do not pass."""
        ordered = sorted(answer.latency for answer in self.answers)
        return 1_000 * ordered[max(0, math.ceil(share / 100 * len(ordered)) - 1)]

    @property
    def median(self) -> float:
        """In milliseconds."""
        return 1_000 * median(answer.latency for answer in self.answers)


def begin(load: Load) -> subprocess.Popen[bytes]:
    """Send the load from another process; `end` waits for its results."""
    client = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.client"], cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )  # fmt: skip
    if client.stdin is None:
        raise RuntimeError("the client has no standard input")
    client.stdin.write(json.dumps(asdict(load)).encode())
    client.stdin.close()
    client.stdin = None
    return client


def end(client: subprocess.Popen[bytes]) -> Result:
    said, _nothing = client.communicate()
    if client.returncode:
        raise RuntimeError(f"the client ended with status {client.returncode}; see the reason above")
    result = json.loads(said)
    return Result(result["seconds"], [Answer(*one) for one in result["answers"]])


def ask(load: Load, *, wanted: Sequence[int] = (200,)) -> Result:
    """Send the load and wait. Raises WrongCount for any status other than the wanted ones."""
    result = end(begin(load))
    if not result.answers or set(result.statuses) - set(wanted):
        raise WrongCount(f"{load.asks[0]['method']} {load.asks[0]['path']}: answered {dict(result.statuses)}")
    return result


def get(path: str, sessions: Sequence[str]) -> list[dict[str, Any]]:
    """The same page for every user of these sessions."""
    return [{"method": "GET", "path": path, "session": session} for session in sessions]
