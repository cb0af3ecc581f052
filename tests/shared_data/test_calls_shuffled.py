"""The same stream with its lines in another order. Apart from test_calls, which keeps its data for a whole module."""

import random
from pathlib import Path

import pytest

from tests.shared_data.calls import CALLS, IN_2004, exported, load, open_and_mark, said, truth

pytestmark = pytest.mark.shared


@pytest.mark.django_db
def test_the_order_of_the_lines_decides_nothing(tmp_path: Path) -> None:
    seed = 20041130
    print(f"seed {seed}")
    shuffled = {}
    for name in ("roster.csv", "contacts.csv"):
        header, *lines = (CALLS / name).read_text(encoding="utf-8").splitlines()
        random.Random(seed).shuffle(lines)
        shuffled[name] = tmp_path / name
        shuffled[name].write_text("\n".join([header, *lines]), encoding="utf-8")
    assert load(shuffled["contacts.csv"], shuffled["roster.csv"])["created"] == 10512
    open_and_mark(IN_2004)
    assert said(exported(IN_2004["name"], tmp_path)) == truth(IN_2004)
