"""A frozen result survives a backup: the same digest and signature, protected as before, with changes reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.backups.installations import Installation, proved, unguarded
from tests.localstack.stack import data_folder

pytestmark = [pytest.mark.servers, pytest.mark.xdist_group("backup")]


@pytest.fixture(scope="module")
def again(saved: Path) -> Iterator[Any]:
    """The restored company; kept running for the tests here."""
    with data_folder("results again") as folder:
        made = Installation(folder)
        with made.running():
            made.answer = made.report("restore", saved)  # type: ignore[attr-defined]
            yield made


def test_every_result_is_compared_and_reported(filled: Installation, again: Any) -> None:
    report = again.answer["results"]
    assert [(result["version"], result["signed"]) for result in report] == [(1, True), (2, True)]
    assert report[0]["red"] - report[1]["red"] == 1, "the demo's correction ends one red verdict"
    with filled.database() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM results_frozenresult ORDER BY version")
        assert [result["digest"] for result in report] == [digest for (digest,) in cursor.fetchall()]
    assert again.answer["signing_key"]["same"] is True


def test_a_restored_result_verifies_with_and_without_hundred(again: Any, tmp_path: Path) -> None:
    report = proved(again, again.answer["results"][1]["campaign"], tmp_path, 2)
    assert report["verified"], report
    assert again.answer["results"][1]["digest"] in report["sentence"]


def test_raw_sql_of_the_application_role_changes_no_restored_verdict(again: Any) -> None:
    with again.database("app") as connection:
        assert unguarded(connection) == []


def test_a_result_changed_before_the_backup_is_reported(again: Any, tmp_path: Path) -> None:
    """A restore keeps the contents of the backup; it must not present them as what was signed."""
    with again.database() as connection, connection.cursor() as cursor:
        cursor.execute(
            "BEGIN; SET LOCAL session_replication_role = 'replica';"
            " UPDATE results_frozenstanding SET counted = counted + 1 WHERE id = (SELECT min(id) FROM"
            " results_frozenstanding); COMMIT"
        )
    again.report("backup", tmp_path / "forged.backup")
    with data_folder("forged") as folder:
        done = Installation(folder).manage("restore", tmp_path / "forged.backup")
    assert done.returncode == 0, done.stderr
    slug = again.answer["results"][0]["campaign"]
    assert f"The rows of these results do not match their signatures: {slug} 1." in done.stdout
    assert "The digests match" in done.stdout
