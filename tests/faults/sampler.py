"""R1: an employee with enough counted contacts is queried every 100 ms, by page, API and CSV, and is never red.

During a fault, employees with one contact too few record one more. Once the response says that it is recorded, they
have enough, whether or not an evaluation has seen it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress

from tests.faults.clients import Answer, NoAnswer, UserClient
from tests.faults.ground import CROSSERS, PATIENCE, TARGET, Ground, Tally
from tests.faults.meanwhile import Meanwhile

EVERY = 0.1
# Seconds between two employees who cross the target.
CROSSING = 0.7


class Sampler(Meanwhile):
    """`with Sampler(ground, tally, seed):` samples during the block, and lets the last ones cross at the end."""

    def __init__(self, ground: Ground, tally: Tally, seed: int, *, crossing: bool = True) -> None:
        """Without `crossing` the scenario itself decides who crosses, and when."""
        self.tally, self.dice = tally, random.Random(seed)
        self.enough: list[UserClient] = []
        self.waiting = [ground.client(f"R{number:03d}") for number in range(CROSSERS)]
        # How often each employee was sampled, over all interfaces.
        self.rounds = 0
        super().__init__([self._sample, *([self._cross] if crossing else [])])

    def __exit__(self, *trouble: object) -> None:
        super().__exit__(*trouble)
        # The others cross now: every round ends with the same facts.
        end = time.monotonic() + PATIENCE
        while self.waiting and not trouble[0]:
            if not self.cross_one():
                time.sleep(0.1)
            if time.monotonic() > end:
                raise TimeoutError("No employee is left to cross the target.")

    def next_to_cross(self) -> UserClient:
        """An employee who needs one more contact."""
        return self.waiting[-1]

    def has_crossed(self, client: UserClient) -> None:
        """From now on they are never red."""
        self.waiting.remove(client)
        self.enough.append(client)

    def _cross(self) -> None:
        while self.waiting and not self.over.wait(CROSSING):
            self.cross_one()

    def cross_one(self) -> bool:
        """The next employee records the last contact; False without a response that it is recorded."""
        client = self.next_to_cross()
        with suppress(NoAnswer):
            answer = client.add(
                key=f"cross-{client.staff_no}", name="One more", handle=f"{client.staff_no}-{TARGET - 1}"
            )
            if answer.status in (200, 201):
                self.has_crossed(client)
                return True
        return False

    def _sample(self) -> None:
        while not self.over.is_set():
            began = time.monotonic()
            if self.enough:
                # The newest may not be evaluated yet.
                client = self.dice.choice(self.enough[-3:])
                for look in (self._page, self._api, self._csv):
                    self._look(look.__name__.strip("_"), client, look)
                self.rounds += 1
            self.over.wait(max(0.0, EVERY - (time.monotonic() - began)))

    def _look(self, where: str, client: UserClient, look: Callable[[UserClient], tuple[Answer, str]]) -> None:
        try:
            answer, verdict = look(client)
        except NoAnswer:
            self.tally.count("samples unanswered")
            return
        if answer.status == 503:
            self.tally.count("samples without response")
            self.tally.expect(answer.says_when, f"R1 {where}: 503 without Retry-After")
            return
        if not self.tally.expect(answer.status == 200, f"R1 {where}: {client.staff_no} got {answer.status}"):
            return
        self.tally.count(f"samples {where}")
        self.tally.expect(verdict != "red", f"R1 {where}: {client.staff_no} has enough and was red")
        if verdict == "updating":
            self.tally.count("samples updating")

    @staticmethod
    def _page(client: UserClient) -> tuple[Answer, str]:
        answer = client.page("/standing/")
        state = "red" if "badge red" in answer.text else "updating" if "Updating" in answer.text else "reached"
        return answer, state

    @staticmethod
    def _api(client: UserClient) -> tuple[Answer, str]:
        answer = client.api("GET", "me/standing/")
        if answer.status != 200:
            return answer, ""
        standing = answer.json["standing"]
        return answer, "red" if standing["red"] else "updating" if standing["stale"] else "reached"

    @staticmethod
    def _csv(client: UserClient) -> tuple[Answer, str]:
        answer, row = client.own_csv()
        return answer, "red" if row and row["red"] != "no" else "reached"
