"""Hostile entries of a broker; tests/core/test_hostile_broker.py and `make fuzz` send them."""

import base64
import json
import pickle
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.core.brokers import QUEUE

ANYTHING: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, 1.5, "", "x", "💥", "\x00", [], [[]], {}, {"a": {}}, [1, 2, 3], "1" * 100_000,
    "celery.backend_cleanup", "apps.operations.tasks.mark_touched",
    "9999-99-99T00:00:00", "00000000-0000-0000-0000-0000",
]  # fmt: skip
# Registered by Celery itself; used for remote control and events.
NOT_OURS = [
    "celery.backend_cleanup", "celery.chord", "celery.chord_unlock", "celery.chain", "celery.group", "celery.map",
    "celery.starmap", "celery.chunks", "celery.accumulate", "os.system", "apps.operations.tasks", "apps.nothing", "",
]  # fmt: skip
FOREIGN = "https://evil.example"


class Bomb:
    """When unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def entry(
    task: Any,
    arguments: Any = (),
    *,
    embedded: Any = None,
    named: Any = None,
    body: bytes | None = None,
    **headers: Any,
) -> dict[str, Any]:
    """A message as kombu stores it. `type` among the headers is the content type."""
    nothing = dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))
    encoded = json.dumps([arguments, named or {}, nothing | (embedded or {})]).encode() if body is None else body
    kind = headers.pop("type", "application/json")
    return {
        "body": base64.b64encode(encoded).decode(), "content-type": kind, "content-encoding": "utf-8",
        "headers": {"lang": "py", "task": task, "id": str(uuid.uuid4()), "argsrepr": "()", **headers},
        "properties": {
            "correlation_id": str(uuid.uuid4()), "reply_to": "", "delivery_mode": 2, "priority": 0,
            "delivery_info": {"exchange": "", "routing_key": QUEUE}, "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }  # fmt: skip


def signature(task: str, *arguments: Any, **options: Any) -> dict[str, Any]:
    """What Celery embeds for a task that should follow."""
    return {
        "task": task, "args": list(arguments), "kwargs": {}, "options": options, "subtask_type": None,
        "immutable": True,
    }  # fmt: skip


def pickled(bomb: Path, **headers: Any) -> dict[str, Any]:
    body = pickle.dumps([[Bomb(bomb)], {}, {}])
    message = entry("apps.operations.tasks.mark_touched", body=body, type="application/x-python-serialize", **headers)
    return message | {"content-encoding": "binary"}


def followed_by(follower: dict[str, Any]) -> list[dict[str, Any]]:
    """Every way in which Celery lets a message name a further task."""
    marking = "apps.operations.tasks.mark_touched"
    return [
        entry(marking, embedded={"callbacks": [follower]}),
        entry(marking, embedded={"chain": [follower]}),
        entry("apps.operations.tasks.make_version", [1], embedded={"errbacks": [follower]}),
        entry(marking, embedded={"chord": follower}, group=str(uuid.uuid4())),
        entry("celery.map", [signature(follower["task"]), [follower["args"]]]),
        entry("celery.starmap", [signature(follower["task"]), [follower["args"]]]),
        entry("celery.chunks", [signature(follower["task"]), [follower["args"]], 1]),
        entry("celery.group", [[follower], str(uuid.uuid4()), []]),
        entry("celery.chain", [[follower]]),
    ]


def malformed(chance: random.Random) -> bytes:
    """Bytes in place of a message: random, cut off, or a message with one part replaced."""
    whole = entry("apps.operations.tasks.mark_touched")
    kind = chance.randrange(5)
    if kind == 0:
        return chance.randbytes(chance.randint(0, 300))
    if kind == 1:
        text = json.dumps(whole).encode()
        return text[: chance.randint(0, len(text))]
    if kind == 2:
        return json.dumps(chance.choice(ANYTHING)).encode()
    path = chance.choice(list(_paths(whole)))
    inside: Any = whole
    for step in path[:-1]:
        inside = inside[step]
    if kind == 3:
        del inside[path[-1]]
    else:
        inside[path[-1]] = chance.choice(ANYTHING)
    return json.dumps(whole).encode()


def misused(chance: random.Random, tasks: list[str]) -> bytes:
    """A well-formed message that names any task with any arguments and any headers."""
    arguments = [chance.choice([*ANYTHING, FOREIGN, 1, 2, 3, str(uuid.uuid4())]) for _n in range(chance.randrange(4))]
    headers = {
        name: chance.choice([*ANYTHING, [1, 2], [None, None], -5, "2099-01-01T00:00:00+00:00"])
        for name in ("eta", "expires", "timelimit", "retries", "group", "origin", "stamps", "compression", "id")
        if chance.random() < 0.2
    }  # fmt: skip
    embedded = {}
    if chance.random() < 0.3:
        follower = signature("apps.operations.tasks.mail_link", 1, 1, FOREIGN, routing_key=QUEUE, serializer="pickle")
        embedded = {chance.choice(["callbacks", "errbacks", "chain"]): chance.choice([[follower], follower, 5, ["x"]])}
    task = chance.choice([*tasks, *NOT_OURS])
    return json.dumps(entry(task, arguments, embedded=embedded, **headers)).encode()


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*before, name)
            yield from _paths(inner, (*before, name))
