"""`make backtest`: the forecast of simulated companies, as in docs/forecast.md. SEEDS= says how many of each kind."""

from __future__ import annotations

import argparse
from itertools import product
from statistics import mean

from apps.forecasts.model.backtest import SHARES, Result, backtest
from apps.forecasts.model.scores import skill
from tests.forecasts.model.simulation import CHANGED, KINDS, MOVED, Company

# The level, the target and the level of the former campaign: higher and lower ones.
LEVELS = ((60, 70, 40), (35, 40, 70), (90, 100, 60))

# From half of the time on MOVED and CHANGED have their last plan; before, nothing foretells it.
PLAN_KNOWN = SHARES[2:]


def results(kind: str, seed: int, *, with_former: bool) -> list[Result]:
    level, target, former_level = LEVELS[seed % len(LEVELS)]
    company = Company(kind, seed, level, target)
    former = Company(kind, seed + 1000, former_level, target) if with_former else None
    return backtest(company.trial(former))


def line(title: str, campaigns: dict[str, list[list[Result]]], shares: tuple[float, ...] = SHARES) -> str:
    """Skill and calibration of all people of a kind at a share together: of single campaigns they are half chance."""
    skills, errors, teams, covered = [], [], 0, 0
    for share, found in product(shares, campaigns.values()):
        judged = [each for results in found for each in results if each.share == share and each.brier is not None]
        ours = sum(each.people * (each.brier or 0.0) for each in judged)
        theirs = sum(each.people * (each.straight_line or 0.0) for each in judged)
        skills.append(skill(ours, theirs) or 0.0)
        errors += [each.calibration_error or 0.0 for each in judged]
        teams += sum(each.teams for each in judged)
        covered += sum(each.covered for each in judged)
    return f"| {title} | {mean(skills):.2f} | {min(skills):.2f} | {mean(errors):.3f} | {covered / max(teams, 1):.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.forecasts.model", description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    seeds = range(parser.parse_args().seeds)
    for with_former in (True, False):
        found = {kind: [results(kind, seed, with_former=with_former) for seed in seeds] for kind in KINDS}
        print(f"\n{'With a former campaign of another level' if with_former else 'Without a former campaign'}\n")
        print("| | skill | lowest | calibration error | teams in 80 % |\n| --- | --- | --- | --- | --- |")
        for kind in KINDS:
            print(line(kind, {kind: found[kind]}))
        for kind in (MOVED, CHANGED):
            print(line(f"{kind}, once it is known", {kind: found[kind]}, PLAN_KNOWN))
        for share in SHARES:
            print(line(f"{share:.0%} of the time", found, (share,)))
        print(line("all", found))


if __name__ == "__main__":
    main()
