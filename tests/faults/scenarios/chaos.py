"""C3: 16 clients use page and API at random; after each checkpoint the standings are compared with the oracle."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable

from django.db import connection

from apps.campaigns.models import Campaign
from tests import people
from tests.faults.clients import Answer, UserClient
from tests.faults.ground import Ground, Tally, dice_of, patiently
from tests.oracle import oracle, stored

CLIENTS = 16
OPERATIONS = 6
PEOPLE = ("A001", "A002", "B001", "C001", "S001")
OUTSIDERS = 25
# Answers in words: done, unchanged, moved on, refused, gone in the meantime.
ORDERLY = {200, 201, 302, 404, 409, 422}
ROUND = 5


def checkpoints(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """C3. A trial is one checkpoint after 96 operations; one of the two campaigns counts exclusively."""
    ground.stack.need(web=broken, worker=broken, beat="")
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        ground.fresh()
        rule = ground.campaign.rule
        terms = {"opens_on": rule.opens_on, "deadline": rule.deadline, "target": 4}
        exclusive = people.november(name="Exclusive", exclusive=True, **terms)
        crew = [_Client(ground, tally, dice_of(seed, tally.trials, n)) for n in range(CLIENTS)]
        for _ in range(min(ROUND, trials - tally.trials)):
            _all(crew)
            tally.trials += 1
            tally.expect(ground.rests() is not None, "marks: they never ended")
            for campaign in (ground.campaign, exclusive):
                _agree(tally, campaign)
    return tally


def _all(crew: list[_Client]) -> None:
    threads = [threading.Thread(target=client.work) for client in crew]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _agree(tally: Tally, campaign: Campaign) -> None:
    found, wanted = patiently(lambda: stored(campaign)), patiently(lambda: oracle(campaign))
    differ = [f"{one} is not {two}" for one, two in zip(found, wanted, strict=False) if one != two]
    tally.expect(found == wanted, f"{campaign.slug}: {'; '.join(differ[:3])}")


class _Client:
    """An employee or HR user who picks the next operation at random."""

    def __init__(self, ground: Ground, tally: Tally, dice: random.Random) -> None:
        self.tally, self.dice = tally, dice
        self.client: UserClient = ground.client(dice.choice(PEOPLE))

    def work(self) -> None:
        choices: list[Callable[[], None]] = [self.add, self.add, self.paste, self.end, self.restore, self.correct]
        choices += [self.rename, self.hand_in, self.undo, self.roster]
        try:
            for _ in range(OPERATIONS):
                self.dice.choice(choices)()
                self.tally.count("operations")
        except Exception as error:
            self.tally.expect(False, f"a client broke: {error!r}")
        finally:
            connection.close()

    def _judge(self, answer: Answer, what: str) -> Answer:
        self.tally.expect(answer.status in ORDERLY, f"{what} was answered {answer.status}")
        return answer

    def _somebody(self) -> str:
        return f"guest{self.dice.randrange(OUTSIDERS)}@outside.example.org"

    def _contact(self) -> int | None:
        listed = self._judge(self.client.api("GET", "contacts/?limit=50"), "a list").json
        found = [row["id"] for row in listed.get("results", [])]
        return self.dice.choice(found) if found else None

    def add(self) -> None:
        self._judge(self.client.add(name="W", email=self._somebody()), "an add")

    def paste(self) -> None:
        reach = "\n".join({self._somebody() for _ in range(5)})
        self._judge(self.client.form("/contacts/add/", name="", reach=reach, key=str(uuid.uuid4())), "a paste")

    def end(self) -> None:
        if number := self._contact():
            self._judge(self.client.api("POST", f"contacts/{number}/end/"), "an end")

    def restore(self) -> None:
        if number := self._contact():
            self._judge(self.client.api("POST", f"contacts/{number}/restore/"), "a restore")

    def rename(self) -> None:
        if number := self._contact():
            self._judge(self.client.api("PATCH", f"contacts/{number}/", {"name": "V"}), "a rename")

    def correct(self) -> None:
        if number := self._contact():
            self._judge(self.client.form(f"/contacts/{number}/correct/", email=self._somebody()), "a correction")

    def hand_in(self) -> None:
        lines = "".join(f"G,{self._somebody()}\n" for _ in range(8))
        self._judge(self.client.hand_in(f"name,email\n{lines}"), "a file")

    def undo(self) -> None:
        handed = self._judge(self.client.hand_in(f"name,email\nG,{self._somebody()}\n"), "a file")
        if handed.status == 302:
            self._judge(self.client.form(f"{handed.redirected_to}undo/"), "an undo")

    def roster(self) -> None:
        lines = people.ROSTER.splitlines()
        moved = lines[3].replace("B001", self.dice.choice(["B001", "C001", "D001"]))
        joins = f"N{self.dice.randrange(9)},New,{self._somebody()},,Sales,B001"
        people.load("\n".join([lines[0], moved, joins]))
