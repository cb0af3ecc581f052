"""T3: 16 people send the worst file of each kind at the same moment: pages respond, memory stays constant, each file
ends.

The bound is one of time, so this is no part of `make test`; tests/fileio/test_worst_files.py counts calls and bytes
instead, and no page of any test may read a file (tests/dashboard/strict.py).
"""

from __future__ import annotations

import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from apps.accounts.services import grant_role
from apps.core.models import FilePreview
from tests import people, worst
from tests.faults.clients import CSRF, Answer, NoAnswer, UserClient
from tests.faults.ground import Ground, Tally
from tests.faults.meanwhile import Meanwhile
from tests.faults.stack import children_of

SENDERS = 16
# Seconds within which 99 of 100 responses come, whatever is sent.
ANSWERED_WITHIN = 0.5
READ_WITHIN = 600.0
# The memory that a process may add: a batch, the lines of a table, the incoming upload.
GROWS_BY_BYTES = 250_000_000
LINES, LARGE_LINES, CELLS = 2_000_000, 20_000_000, 2_400_000
IMPORT, LIST, ROSTER = "/contacts/import/", "/company/adjustments/by-file/", "/company/roster/"


def kinds() -> list[tuple[str, str, bytes]]:
    """(description, address, file), one for each sender."""
    found = [(name, IMPORT, build(LINES)[:2_000_000]) for name, build in (worst.TABLES | worst.CARDS).items()]
    found.append(("newlines, 20 MB", IMPORT, worst.TABLES["newlines"](LARGE_LINES)))
    found.append(("elements of no meaning", LIST, worst.WORKBOOKS["elements of no meaning"](CELLS)))
    found.append(("empty cells", ROSTER, worst.WORKBOOKS["empty cells"](CELLS)))
    return found[:SENDERS]


class Prober(Meanwhile):
    """Requests two pages continuously, and records the time of each response."""

    def __init__(self, tally: Tally, client: UserClient) -> None:
        self.tally, self.client = tally, client
        self.took: list[float] = []
        super().__init__([partial(self._ask, "/login/"), partial(self._ask, "/")])

    def _ask(self, path: str) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            try:
                answer = self.client.page(path)
                self.tally.expect(answer.status in (200, 302), f"{path} was answered {answer.status}")
            except NoAnswer as none:
                self.tally.expect(False, str(none))
            self.took.append(time.monotonic() - began)
            time.sleep(0.05)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.took, n=100)[98]


def sixteen_at_once(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """T3. `read_in_requests`: pages read files themselves, without a bound."""
    ground.stack.need(web=broken, worker="", beat="")
    tally = Tally(eager=bool(broken))
    sent = kinds()
    while tally.trials < trials and not tally.failures:
        ground.fresh(staff=SENDERS)
        senders = [f"E{number:04d}" for number in range(SENDERS)]
        for staff_no in senders:
            # Before they sign in: a new role ends the sessions of its account.
            grant_role(employee=people.person(staff_no), role="hr", by=people.TESTER)
        clients = [ground.client(staff_no) for staff_no in senders]
        _trial(ground, tally, clients, sent)
        tally.trials += 1
    return tally


def _trial(ground: Ground, tally: Tally, clients: list[UserClient], sent: list[tuple[str, str, bytes]]) -> None:
    processes = [pid for name in ("web", "worker") for pid in children_of(ground.stack[name])]
    ground.client("A001").page("/")
    before = {pid: _memory(pid) for pid in processes}
    peaks, barrier = dict(before), threading.Barrier(len(sent))

    def send(client: UserClient, path: str, content: bytes) -> None:
        barrier.wait(60)
        _follow(tally, client, _upload(client, path, content))

    prober = Prober(tally, ground.client("A001"))
    with prober, ThreadPoolExecutor(len(sent)) as pool:
        works = [
            pool.submit(send, client, path, content)
            for client, (_name, path, content) in zip(clients, sent, strict=False)
        ]
        while not all(work.done() for work in works):
            for pid in peaks:
                peaks[pid] = max(peaks[pid], _memory(pid))
            time.sleep(0.1)
    for work in works:
        work.result()
    grown = max(peaks[pid] - before[pid] for pid in peaks)
    tally.recoveries.append(prober.p99)
    tally.count("files sent", len(sent))
    tally.count("answers timed", len(prober.took))
    tally.count("megabytes that a process grew by at most", grown // 1_000_000)
    tally.count("milliseconds of the slowest answer", round(max(prober.took) * 1000))
    tally.expect(prober.p99 < ANSWERED_WITHIN, f"99 of 100 answers came within {prober.p99:.2f} s only")
    tally.expect(grown < GROWS_BY_BYTES, f"a process grew by {grown // 1_000_000} MB")
    waiting = FilePreview.objects.filter(state="waiting").count()
    tally.expect(not waiting, f"{waiting} files were neither read nor refused")


def _upload(client: UserClient, path: str, content: bytes) -> Answer:
    edge = uuid.uuid4().hex.encode()
    head = f'Content-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{CSRF}\r\n'.encode()
    file = b'Content-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
    body = b"".join((b"--", edge, b"\r\n", head, b"--", edge, b"\r\n", file, content, b"\r\n--", edge, b"--\r\n"))
    cookies = {"Cookie": f"sessionid={client.session}; csrftoken={CSRF}"}
    return client.ask("POST", path, cookies | {"Content-Type": f"multipart/form-data; boundary={edge.decode()}"}, body)


def _follow(tally: Tally, client: UserClient, answer: Answer) -> None:
    """As a browser does: the page of the file, until a worker has read it or it is refused."""
    if not tally.expect(answer.status == 302, f"an upload was answered {answer.status}"):
        return
    path, end = answer.redirected_to, time.monotonic() + READ_WITHIN
    while time.monotonic() < end:
        page = client.page(path)
        if not tally.expect(page.status in (200, 413), f"{path} was answered {page.status}"):
            return
        if "data-hx-trigger" not in page.text:
            return
        time.sleep(1.0)
    tally.expect(False, f"{path} was not read in {READ_WITHIN:.0f} s")


def _memory(pid: int) -> int:
    """The memory of a process in bytes; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096
    except OSError:
        return 0
