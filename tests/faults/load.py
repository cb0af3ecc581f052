"""Employees and their programs who add contacts during the faults, and remember the responses."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from functools import partial

from apps.contacts.models import ContactIdentity, Submission
from tests.faults.clients import Answer, NoAnswer, UserClient
from tests.faults.ground import Ground, Tally, patiently
from tests.faults.meanwhile import Meanwhile

WRITERS = 4
PAUSE = 0.4  # the longest pause in seconds between two actions of one employee


class Load(Meanwhile):
    """`with Load(ground, tally, seed):` four employees add contacts one after another, each with its own key.

    Without a response, or after 503, the same request is sent again; every third is sent twice, like a double click.
    """

    def __init__(self, ground: Ground, tally: Tally, seed: int) -> None:
        self.ground, self.tally, self.dice = ground, tally, random.Random(seed)
        self.clients = [ground.client(f"E{number:04d}") for number in range(WRITERS)]
        self.acknowledged: dict[str, int] = {client.staff_no: 0 for client in self.clients}
        super().__init__([partial(self._write, client) for client in self.clients])

    def _write(self, client: UserClient) -> None:
        while not self.over.is_set():
            number = self.acknowledged[client.staff_no]
            add = partial(
                client.add, key=f"load-{number}", name=f"Guest {number}", handle=f"{client.staff_no}-{number}"
            )
            answer = self._until_acknowledged(add)
            if answer is None or not self.tally.expect(answer.status == 201, f"an add was answered {answer.status}"):
                return
            self.acknowledged[client.staff_no] = number + 1
            self.tally.count("adds acknowledged")
            if number % 3 == 0 and (again := self._until_acknowledged(add)):
                same = (again.status, again.text) == (answer.status, answer.text)
                self.tally.expect(same, f"the same key again: {again.status} {again.text}, at first {answer.text}")
            time.sleep(PAUSE * self.dice.random())

    def _until_acknowledged(self, add: partial[Answer]) -> Answer | None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                answer = add()
            except NoAnswer:
                self.tally.count("adds unanswered")
                time.sleep(0.05)
                continue
            if answer.status != 503:
                return answer
            self.tally.count("adds with Retry-After")
            self.tally.expect(answer.says_when, "503 without Retry-After")
            time.sleep(0.05)
        self.tally.expect(False, "an add was not acknowledged in two minutes")
        return None

    def compare(self) -> None:
        """Everything acknowledged is stored once, from one submission, and nothing else is."""
        for staff_no, count in self.acknowledged.items():
            mine = ContactIdentity.objects.filter(employee__staff_no=staff_no)
            found = sorted(patiently(lambda: list(mine.values_list("value", flat=True))))  # noqa: B023
            wanted = sorted(f"{staff_no}-{number}".lower() for number in range(count))
            self.tally.expect(found == wanted, f"{staff_no}: {len(found)} stored, {count} acknowledged")
            sent = Submission.objects.filter(employee__staff_no=staff_no).count()
            self.tally.expect(sent == count, f"{staff_no}: {sent} submissions for {count} things that were sent")

    def replay(self) -> None:
        """The same on fresh ground, without faults."""
        for staff_no, count in self.acknowledged.items():
            self.bring_all(staff_no, range(count))

    def bring_all(self, staff_no: str, numbers: Iterable[int]) -> None:
        self.ground.bring(staff_no, list(numbers))
