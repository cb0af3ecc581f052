"""API and forged results fuzzed, pages crawled, broker and cache filled by a stranger: `make fuzz`. Ends with 1 if any.

Each choice is an environment variable too: CASES, SEED, SECONDS_EACH, ONLY.
"""

import argparse
import os
import subprocess
import sys

from tests.fuzz import crawler

HOSTILE = ("tests/core/test_hostile_broker.py", "tests/core/test_hostile_cache.py")
# Requests to the API, forged results (T4), and every address fetched as everybody with every query (N3).
OF_THE_PROGRAM = (
    "tests/fuzz/test_api.py",
    "tests/fuzz/test_forgeries.py",
    "tests/dashboard/test_reading_changes_nothing.py",
    "tests/api/test_reading_changes_nothing.py",
)


def told(name: str, otherwise: str) -> str:
    return os.environ.get(name) or otherwise


def choices() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", default=told("CASES", "20000"), help="requests to the API, by five principals")
    parser.add_argument("--seed", default=told("SEED", "0"), help="repeats the requests of a run that printed it")
    parser.add_argument(
        "--seconds-each", type=int, default=told("SECONDS_EACH", "300"),
        help="for the crawl, and for each kind of attack, of each of three readers",
    )  # fmt: skip
    parser.add_argument("--only", default=told("ONLY", ""), choices=["", "api", "pages", "broker"])
    return parser.parse_args()


def main() -> int:
    chosen, found = choices(), 0
    if chosen.only in ("", "broker"):
        asked = {"FUZZ_CASES": str(int(chosen.cases) // 10), "FUZZ_SEED": str(int(chosen.seed) or 20261130)}
        command = [sys.executable, "-m", "pytest", "-q", "-rA", *HOSTILE]
        found += subprocess.run(command, env={**os.environ, **asked}, check=False).returncode != 0
    if chosen.only in ("", "api"):
        asked = {"FUZZ_CASES": chosen.cases, "FUZZ_SEED": chosen.seed, "READ_AS_EVERYBODY": "1"}
        command = [sys.executable, "-m", "pytest", *OF_THE_PROGRAM, "-q", "-n", "2", "-rA"]
        found += subprocess.run(command, env={**os.environ, **asked}, check=False).returncode != 0
    if chosen.only in ("", "pages"):
        if not crawler.finds_what_is_there(chosen.seconds_each):
            print("The crawler misses the faults of a page that has some: what it finds elsewhere says nothing.")
            found += 1
        for reader in crawler.READERS:
            for line in crawler.crawl(reader, chosen.seconds_each):
                print(line, flush=True)
                found += 1
    print(f"{found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
