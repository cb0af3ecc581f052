"""The results of a backtest as JSON and as text."""

from __future__ import annotations

from typing import Any

from apps.forecasts.model.backtest import Result, Trial
from apps.forecasts.model.scores import Bin

HEADER = (
    "time  people  reached  basis     Brier  straight  pace    skill  to pace  calibration  teams in 80 %\n"
    "----  ------  -------  --------  -----  --------  -----  ------  -------  -----------  -------------"
)
BIN_HEADER = "  forecast  came true  people"


def as_json(trial: Trial, results: list[Result]) -> dict[str, Any]:
    return {
        "campaign": trial.name,
        "former_campaign": trial.former is not None,
        "shares": [
            {
                "share": result.share, "people": result.people, "reached": result.at_target_later,
                "basis": result.basis, "brier": result.brier, "brier_straight_line": result.straight_line,
                "brier_plain_pace": result.plain_pace, "skill": result.skill, "skill_plain_pace": result.pace_skill,
                "calibration_error": result.calibration_error, "conclusive": result.is_conclusive,
                "teams": result.teams, "teams_covered": result.covered,
                "reliability": [each._asdict() for each in result.bins],
            }
            for result in results
        ],
    }  # fmt: skip


def as_text(trial: Trial, results: list[Result]) -> str:
    """A table by share of time, then the reliability table of all shares together."""
    lines = [trial.name, HEADER, *(_line(result) for result in results)]
    bins = _together(results)
    if bins:
        lines += ["", BIN_HEADER]
        lines += [f"  {each.forecast:8.0%}  {each.observed:9.0%}  {each.people:6}" for each in bins]
    if not all(result.is_conclusive for result in results):
        lines.append("~: fewer than 10 people reached or missed the target, so skill is mostly chance.")
    return "\n".join(lines)


def _line(result: Result) -> str:
    begins = f"{result.share:4.0%}  {result.people:6}  {result.at_target_later:7}  "
    if result.brier is None or result.straight_line is None or result.plain_pace is None:
        return f"{begins}too early to say" if result.people else f"{begins}everybody is at the target"
    mark = " " if result.is_conclusive else "~"
    return (
        f"{begins}{result.basis:8}  {result.brier:.3f}     {result.straight_line:.3f}  {result.plain_pace:.3f}"
        f" {mark}{_signed(result.skill)} {mark} {_signed(result.pace_skill)}        {result.calibration_error or 0:.3f}"
        f"  {f'{result.covered} of {result.teams}':>13}"
    )


def _signed(value: float | None) -> str:
    return "     -" if value is None else f"{value:+6.2f}"


def _together(results: list[Result]) -> list[Bin]:
    """The bins of all shares, those of the same tenth merged."""
    merged: dict[int, list[Bin]] = {}
    for result in results:
        for each in result.bins:
            merged.setdefault(min(int(each.forecast * 10), 9), []).append(each)
    return [
        Bin(
            people := sum(each.people for each in bins),
            sum(each.people * each.forecast for each in bins) / people,
            sum(each.people * each.observed for each in bins) / people,
        )
        for _tenth, bins in sorted(merged.items())
    ]
