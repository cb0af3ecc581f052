"""From Lighthouse's reports to a table: a page other than the requested one must never look fast."""

from typing import Any

import pytest

from scripts import lighthouse

SERVER = "http://house/"


def report(performance: float, *, shown: str = SERVER, blocking: float = 10.0) -> dict[str, Any]:
    audits = {name: {"numericValue": 1.0, "score": 1, "scoreDisplayMode": "numeric"} for name in lighthouse.MEASURES}
    audits["total-blocking-time"] |= {"numericValue": blocking, "score": 0.5 if blocking > 200 else 1}
    references = [{"id": name, "weight": 10} for name in lighthouse.MEASURES]
    categories = {name: {"score": 1.0, "auditRefs": references} for name in lighthouse.MARKS}
    categories["performance"]["score"] = performance
    return {"requestedUrl": SERVER, "finalDisplayedUrl": shown, "audits": audits, "categories": categories}


def test_the_median_counts_and_failed_audits_are_named() -> None:
    runs = [lighthouse.read(report(score, blocking=300), SERVER) for score in (0.2, 0.95, 0.97)]
    results = lighthouse.summary(runs)
    assert results["scores"]["performance"] == pytest.approx(95)
    assert results["short"] == ["total-blocking-time"]
    assert lighthouse.misses({"/": results}) == []
    assert "| `/` | 95 | 100 | 100 |" in lighthouse.table({"/": results})


def test_a_page_below_its_mark_is_a_miss() -> None:
    results = lighthouse.summary([lighthouse.read(report(0.89), SERVER)])
    assert lighthouse.misses({"/": results}) == ["/: performance is 89, not 90"]


def test_a_sign_in_page_is_no_measurement() -> None:
    with pytest.raises(SystemExit, match="saw http://house/login/"):
        lighthouse.read(report(1.0, shown="http://house/login/"), SERVER)


def test_a_redirected_page_is_rated_at_its_target() -> None:
    run = lighthouse.read(report(0.97, shown="http://house/team/A001/"), "http://house/team/A001/")
    assert run.scores["performance"] == pytest.approx(97)


def test_a_missing_npm_gives_a_clear_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(lighthouse, "PLACE", tmp_path)
    monkeypatch.setattr(lighthouse.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="needs npm"):
        lighthouse.install()
