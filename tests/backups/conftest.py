"""An installation with a company, and its backup: created once, changed by no test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backups.installations import STORE_A_FILE, Installation
from tests.localstack.stack import data_folder


@pytest.fixture(scope="session")
def filled() -> Iterator[Installation]:
    """A small company with contacts, a campaign, a frozen campaign, verdicts, an audit trail and a stored file."""
    with data_folder("an installation") as folder:
        made = Installation(folder)
        for command in (
            ["seed_demo", "--employees", "60", "--contacts", "20"],
            ["shell", "-v", "0", "-c", STORE_A_FILE],
        ):
            done = made.manage(*command)
            assert done.returncode == 0, done.stderr
        yield made


@pytest.fixture(scope="session")
def saved(filled: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("back ups") / "the company.backup"
    filled.report("backup", path)
    return path


@pytest.fixture
def blank() -> Iterator[Installation]:
    """An installation without a single table."""
    with data_folder("another installation") as folder:
        made = Installation(folder)
        with made.running():
            yield made
