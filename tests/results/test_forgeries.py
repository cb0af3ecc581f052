"""No forged result, part or payout file verifies; with a protection removed some do."""

from collections import defaultdict
from typing import Any

import pytest

from apps.results import verification
from apps.results.verification import HANDOVER, RESULT
from tests.published import HANDOVER_FILE, STANDINGS_FILE
from tests.results.forging import PART, called_genuine_by_chance, forgeries, genuine


def called_genuine() -> list[str]:
    return [name for name, one in forgeries().items() if one.is_called_genuine()]


def test_no_forgery_is_called_genuine() -> None:
    for kind in (RESULT, HANDOVER, PART):
        assert genuine(kind).is_called_genuine(), "else everything is refused, and nothing is shown"
    assert len(forgeries()) > 200
    assert called_genuine() == []


def five_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Version 1: names, remaining contacts and verdicts are not covered."""
    for signed in ((2, RESULT), (2, HANDOVER)):
        monkeypatch.setitem(verification.COVERED, signed, verification.COVERED[1, RESULT])


def any_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any header is accepted; of duplicate names the last cell is read."""
    monkeypatch.setattr(verification, "_header", lambda cells, document: cells)
    monkeypatch.setattr(
        verification, "_named", lambda line, names, cells: defaultdict(str, zip(names, cells, strict=False))
    )


def hashes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature is not checked."""
    monkeypatch.setattr(verification, "signed_by", lambda document, key: True)


def any_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncovered cells may hold separators."""
    monkeypatch.setattr(verification, "SEPARATING", verification.re.compile("(?!)"))


@pytest.mark.parametrize("mutant", [five_columns, any_column, hashes_alone, any_cell])
def test_without_its_protection_forgeries_would_pass(mutant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the table above could not fail."""
    mutant(monkeypatch)
    assert called_genuine()


def test_an_accident_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    five_columns(monkeypatch)
    assert called_genuine_by_chance(400, seed=20261130)


def test_no_accident_is_called_genuine() -> None:
    assert called_genuine_by_chance(400, seed=20261130) == []


def test_the_columns_here_are_those_of_the_files() -> None:
    assert set(verification.KNOWN[RESULT]) == set(STANDINGS_FILE)
    assert set(verification.KNOWN[HANDOVER]) == set(HANDOVER_FILE)
