"""An HTTP client in a separate process: reads a Load as JSON, prints the results as JSON.

With `rate` the loop is open: requests leave when they are due, whatever became of earlier ones, and a latency counts
from the due time. Without it, so many connections send one request after another.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp

# The seconds of a page's first polls of its number after an action (static/js/page.js).
LOOKS = (0.2, 0.4, 0.8, 1.6)
STEADY = 15.0
NUMBER = re.compile(r"<strong>([\d,]+)</strong>")
PATIENCE = 60.0
CSRF = "c" * 32
# The client itself never waits for a free connection.
UNLIMITED = 0
Ask = dict[str, Any]


def main() -> None:
    load = json.load(sys.stdin)
    sys.stdout.write(json.dumps(asyncio.run(_run(load))))


async def _run(load: dict[str, Any]) -> dict[str, Any]:
    connector = aiohttp.TCPConnector(limit=UNLIMITED, keepalive_timeout=PATIENCE)
    async with aiohttp.ClientSession(
        load["address"], connector=connector, cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=PATIENCE),
    ) as session:  # fmt: skip
        began = time.perf_counter()
        if load["follow"]:
            answers = await _follow_all(session, load["asks"])
        elif load["rate"]:
            answers = await _open_loop(session, load["asks"], load["rate"])
        else:
            answers = await _closed_loop(session, load["asks"], load["connections"], load["seconds"])
        return {"answers": answers, "seconds": time.perf_counter() - began}


async def _closed_loop(session: aiohttp.ClientSession, asks: list[Ask], connections: int, seconds: float) -> list[Any]:
    end = time.perf_counter() + seconds
    turns, answers = itertools.cycle(asks), list[Any]()

    async def ask_on(turns: Iterator[Ask]) -> None:
        while time.perf_counter() < end:
            answers.append(await _ask(session, next(turns), time.perf_counter()))

    await asyncio.gather(*(ask_on(turns) for _ in range(connections)))
    return answers


async def _open_loop(session: aiohttp.ClientSession, asks: list[Ask], rate: float) -> list[Any]:
    began, under_way = time.perf_counter(), []
    for number, ask in enumerate(asks):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        under_way.append(asyncio.create_task(_ask(session, ask, due)))
    return list(await asyncio.gather(*under_way))


async def _follow_all(session: aiohttp.ClientSession, asks: list[Ask]) -> list[Any]:
    return [await _follow(session, ask) for ask in asks]


async def _follow(session: aiohttp.ClientSession, ask: Ask) -> list[Any]:
    """Send the form as a page does, then poll until the number has grown and no longer shows "updating"."""
    look = {"method": "GET", "path": "/standing/", "session": ask["session"]}
    before = _number((await _text(session, look))[1])
    due = time.perf_counter()
    status, _sent = await _text(session, ask)
    waits = itertools.chain(LOOKS, itertools.repeat(STEADY))
    while status == 200 and time.perf_counter() - due < PATIENCE:
        await asyncio.sleep(next(waits))
        status, shown = await _text(session, look)
        if _number(shown) == before + 1 and "data-poll-quickly" not in shown:
            break
    return [status, time.perf_counter() - due, time.time()]


def _number(shown: str) -> int:
    found = NUMBER.search(shown)
    return int(found[1].replace(",", "")) if found else -1


async def _ask(session: aiohttp.ClientSession, ask: Ask, due: float) -> list[Any]:
    """[status, seconds since it was due, when it was answered]; 0 without an answer."""
    try:
        status, _text_of_it = await _text(session, ask)
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    return [status, time.perf_counter() - due, time.time()]


async def _text(session: aiohttp.ClientSession, ask: Ask) -> tuple[int, str]:
    headers = {"Host": "localhost", "Cookie": f"sessionid={ask['session']}; csrftoken={CSRF}", **ask.get("headers", {})}
    form = {"csrfmiddlewaretoken": CSRF, **ask["form"]} if "form" in ask else None
    async with session.request(
        ask["method"], ask["path"], data=form, json=ask.get("json"), headers=headers, allow_redirects=False
    ) as response:
        return response.status, await response.text()


if __name__ == "__main__":
    main()
