"""A frozen result survives a backup: the same digest and signature, guarded as before, and nothing is glossed over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backups.installations import Installation, proved, unguarded
from tests.localstack.stack import data_folder

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("backup")]


@pytest.fixture(scope="module")
def again(saved: Path) -> Iterator[Any]:
    """The company restored; kept running for the tests here."""
    with data_folder("results again") as folder:
        made = Installation(folder)
        with made.running():
            made.answer = made.told("restore", saved)  # type: ignore[attr-defined]
            yield made


def test_every_result_is_compared_and_told(filled: Installation, again: Any) -> None:
    told = again.answer["results"]
    assert [(one["version"], one["signed"]) for one in told] == [(1, True), (2, True)]
    assert told[0]["red"] - told[1]["red"] == 1, "the demo's correction takes one from red"
    with filled.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM results_frozenresult ORDER BY version")
        assert [one["digest"] for one in told] == [digest for (digest,) in cursor.fetchall()]
    assert again.answer["signing_key"]["same"] is True


def test_a_restored_result_verifies_in_the_program_and_without(again: Any, tmp_path: Path) -> None:
    told = proved(again, again.answer["results"][1]["campaign"], tmp_path, 2)
    assert told["verified"], told
    assert again.answer["results"][1]["digest"] in told["sentence"]


def test_raw_sql_of_the_applications_role_moves_no_restored_verdict(again: Any) -> None:
    with again.database("app") as connection:
        assert unguarded(connection) == []


def test_a_result_that_was_changed_before_the_backup_is_said_to_be_changed(again: Any, tmp_path: Path) -> None:
    """A restore keeps what the backup has; it must not call that what was signed."""
    with again.database() as connection, connection.cursor() as cursor:
        cursor.execute(
            "BEGIN; SET LOCAL session_replication_role = 'replica';"
            " UPDATE results_frozenstanding SET counted = counted + 1 WHERE id = (SELECT min(id) FROM"
            " results_frozenstanding); COMMIT"
        )
    again.told("backup", tmp_path / "forged.backup")
    with data_folder("forged") as folder:
        done = Installation(folder).manage("restore", tmp_path / "forged.backup")
    assert done.returncode == 0, done.stderr
    slug = again.answer["results"][0]["campaign"]
    assert f"Not what was signed, neither here nor in the backup: {slug} 1." in done.stdout
    assert "The digest is the same" in done.stdout
