"""Charts are pure functions: rows in, dictionaries out. A chart that contradicts its table misleads a manager."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from apps.dashboard.charts import bands, curve, days, fan, groups, histogram
from apps.dashboard.charts import layout as charts_layout

OPENS, DEADLINE = date(2026, 11, 1), date(2026, 11, 30)


def label(day: date) -> str:
    return f"{day.day}.{day.month}."


CURVE = curve.CurveLabels(
    "target 100", "steady pace", "42 now", "deadline", "contacts", lambda p: f"{p.total}", label, label
)
# From the 42 contacts of 7 November on, up to 23 a day.
FAN = fan.fan_data(
    (date(2026, 11, 7), 42),
    [(date(2026, 11, n), (42 + n - 7, 42 + 2 * (n - 7), 42 + 3 * (n - 7), 42 + 4 * (n - 7), 42 + 5 * (n - 7)))
     for n in range(8, 31)],
)  # fmt: skip
BANDS: dict[str, Any] = {
    "bands": ["a", "b", "c", "d", "e"],
    "unit": "people",
    "hover_text": lambda day, band: f"{band}: {day.people[band]}",
    "day_label": label,
    "day_text": label,
    "list_url": lambda day, band: f"/team/B001/?status=band_{band}",
}
HISTOGRAM = histogram.HistogramLabels(
    "target", "median", "x", "y", lambda b: f"{b.low}", lambda b: f"{b.people}", lambda m: m.name, lambda b: f"/{b.low}"
)
EXPECTED = groups.Range(number=6, low=4, high=8, missing=4)
UNDER_AHEAD = fan.fan_data((OPENS, 9), [(DEADLINE, (1, 2, 4, 5, 7))])
GROUPS: dict[str, Any] = {"x_unit": "share", "hover_text": lambda g: g.label}
UNDER: dict[str, Any] = {
    "latest": "9 now",
    "unit": "people",
    "hover_text": lambda d: f"{d.people}",
    "day_label": label,
    "day_text": label,
    "list_url": lambda d: "",
}
SOURCES: dict[str, Any] = {
    "unit": "contacts",
    "source_name": lambda name: name or "others",
    "hover_text": lambda d, column: f"{d.counts[column]}",
    "day_label": label,
    "day_text": label,
}


def walk(value: Any) -> list[Any]:
    """All values in a figure, at any depth."""
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in walk(one)]
    return [leaf for one in value for leaf in walk(one)] if isinstance(value, list | tuple) else [value]


def figures() -> dict[str, charts_layout.Figure]:
    """One figure of each kind, with data."""
    week = [(OPENS + timedelta(days=n), 6, 6 * (n + 1)) for n in range(7)]
    points = curve.curve_data(week, opens=OPENS, deadline=DEADLINE, target=100)
    bars = histogram.histogram_data([(0, 4, 3), (5, 9, 1), (10, None, 2)], target=10)
    sources = days.sources_data([(OPENS, "csv", 5), (OPENS, "page", 9)])
    period = {"opens": OPENS, "deadline": DEADLINE}
    made = {
        "curve": curve.curve_figure(points, **period, target=100, labels=CURVE),
        "curve with fan": curve.curve_figure(points, **period, target=100, labels=CURVE, fan=FAN),
        "team curve": curve.curve_figure(points, **period, target=None, labels=CURVE),
        "bands": bands.bands_figure(bands.bands_data([(OPENS, 5, 4, 3, 2, 1)]), **period, **BANDS),
        "histogram": histogram.histogram_figure(
            bars,
            target=10,
            quartiles=histogram.Quartiles(1, 4, 12),
            medians=[histogram.Median("A", 4, 3)],
            labels=HISTOGRAM,
        ),
        "groups": groups.groups_figure(groups.groups_data([bar("A", 10, 3)]), **GROUPS),
        "groups ahead": groups.groups_figure([bar("A", 10, 3)._replace(expected=EXPECTED)], **GROUPS),
        "under": days.below_target_figure(days.below_target_data([(OPENS, 9)]), **period, **UNDER),
        "under ahead": days.below_target_figure(
            days.below_target_data([(OPENS, 9)]), **period, **UNDER, fan=UNDER_AHEAD
        ),
        "sources": days.sources_figure(sources, **period, **SOURCES),
    }
    return {kind: charts_layout.with_hover_text(figure) for kind, figure in made.items()}


def empty() -> dict[str, charts_layout.Figure]:
    """One figure of each kind, without data, as on the opening day of a campaign."""
    period = {"opens": OPENS, "deadline": DEADLINE}
    nobody = histogram.Quartiles(None, None, None)
    made = {
        "curve": curve.curve_figure([], **period, target=100, labels=CURVE),
        "bands": bands.bands_figure([], **period, **BANDS),
        "histogram": histogram.histogram_figure([], target=100, quartiles=nobody, medians=[], labels=HISTOGRAM),
        "groups": groups.groups_figure([], **GROUPS),
        "under": days.below_target_figure([], **period, **UNDER),
        "sources": days.sources_figure(days.sources_data([]), **period, **SOURCES),
    }
    return {kind: charts_layout.with_hover_text(figure) for kind, figure in made.items()}


def bar(label: str, people: int, at_target: int, url: str = "/team/1/") -> groups.GroupBar:
    return groups.GroupBar(label, url, people, at_target, people - at_target, 0, 0.0)


@pytest.mark.parametrize("kind", [*figures()])
def test_figures_are_json_of_scatter_and_bar_alone(kind: str) -> None:
    figure = figures()[kind]
    assert json.loads(json.dumps(figure)) == figure
    assert {trace["type"] for trace in figure["data"]} <= {"scatter", "bar"}


@pytest.mark.parametrize("kind", [*figures()])
def test_colours_are_tokens_and_red_is_none_of_them(kind: str) -> None:
    text = json.dumps(figures()[kind])
    assert "#" not in text
    assert "--red" not in text
    for token in {leaf for leaf in walk(figures()[kind]) if isinstance(leaf, str) and leaf.startswith("var(")}:
        assert token.startswith("var(--")


@pytest.mark.parametrize("kind", [*figures()])
def test_axes_have_names_and_few_ticks(kind: str) -> None:
    layout = figures()[kind]["layout"]
    names = {label["text"] for label in layout["annotations"] if label.get("xref") == "paper"}
    assert names == {"histogram": {"x", "y"}, "groups": {"share"}, "groups ahead": {"share"}}.get(
        kind, {"contacts"} if "curve" in kind or kind == "sources" else {"people"}
    )
    assert len(layout["xaxis"]["tickvals"]) <= 6
    assert len(layout["xaxis"].get("narrow", {}).get("tickvals", [])) <= 3


@pytest.mark.parametrize("kind", [*empty()])
def test_a_figure_of_nothing_is_still_a_figure(kind: str) -> None:
    assert json.dumps(empty()[kind])


def test_the_pace_reaches_the_target_on_the_last_day() -> None:
    rows = [(OPENS, 1, 1), (DEADLINE, 2, 3)]
    first, last = curve.curve_data(rows, opens=OPENS, deadline=DEADLINE, target=90)
    assert first.pace == pytest.approx(3)
    assert last.pace == pytest.approx(90)


def test_a_campaign_of_one_day_has_its_pace_at_once() -> None:
    (point,) = curve.curve_data([(OPENS, 1, 1)], opens=OPENS, deadline=OPENS, target=10)
    assert point.pace == pytest.approx(10)


def test_the_curve_draws_the_totals_of_its_table() -> None:
    points = curve.curve_data([(OPENS, 2, 2), (DEADLINE, 3, 5)], opens=OPENS, deadline=DEADLINE, target=4)
    figure = curve.curve_figure(points, opens=OPENS, deadline=DEADLINE, target=4, labels=CURVE)
    assert figure["data"][0]["y"] == [2, 5]
    assert figure["layout"]["yaxis"]["range"][1] > 5


def test_a_fan_begins_at_the_newest_total_and_ends_at_the_deadline() -> None:
    """A chart whose fan differs from its table misleads the person who plans by it."""
    outer, inner, median, area, _newest = figures()["curve with fan"]["data"]
    assert (area["x"][-1], area["y"][-1]) == (median["x"][0], median["y"][0]) == ("2026-11-07", 42)
    assert (median["x"][-1], median["y"][-1]) == (DEADLINE.isoformat(), 111)
    for band, low, high in ((outer, 65, 157), (inner, 88, 134)):
        half = len(band["x"]) // 2
        assert band["x"][:half] == band["x"][: half - 1 : -1] == median["x"]
        assert (band["y"][half - 1], band["y"][half]) == (high, low)
        assert band["y"][0] == band["y"][-1] == 42


def test_a_day_ahead_has_one_tooltip_and_today_keeps_that_of_the_counts() -> None:
    _outer, _inner, median, area, _newest = figures()["curve with fan"]["data"]
    assert median["hovertext"][0] == ""
    assert all(median["hovertext"][1:])
    assert area["hovertext"][-1] == "42"


def test_a_fan_fits_below_the_end_of_the_axis_and_its_ends_are_labelled() -> None:
    layout = figures()["curve with fan"]["layout"]
    assert layout["yaxis"]["range"][1] > 157
    assert layout["margin"]["r"] == charts_layout.RIGHT_WITH_LABELS
    at_deadline = {note["text"] for note in layout["annotations"] if note["x"] == DEADLINE.isoformat()}
    assert at_deadline == {"65", "111", "157"}


def test_the_labels_of_a_narrow_fan_do_not_lie_on_each_other() -> None:
    narrow = fan.fan_data((OPENS, 90), [(DEADLINE, (90, 91, 92, 93, 94))])
    assert [note["text"] for note in fan.fan_labels(narrow, 110, str)] == ["92"]


@pytest.mark.parametrize(("each_day", "side"), [(1, "right"), (5, "left")])
def test_the_name_of_the_pace_stands_away_from_the_fan(each_day: int, side: str) -> None:
    points = curve.curve_data([(OPENS, 3, 3)], opens=OPENS, deadline=DEADLINE, target=100)
    ahead = fan.fan_data((OPENS, 3), [(OPENS + timedelta(days=n), [3 + each_day * n] * 5) for n in range(1, 30)])
    figure = curve.curve_figure(points, opens=OPENS, deadline=DEADLINE, target=100, labels=CURVE, fan=ahead)
    (pace,) = [note for note in figure["layout"]["annotations"] if note["text"] == "steady pace"]
    assert pace["xanchor"] == side


@pytest.mark.parametrize(("each_day", "side"), [(1, "right"), (5, "left")])
def test_the_name_of_the_pace_stands_away_from_a_curve_that_has_passed_it(each_day: int, side: str) -> None:
    """Late in a campaign the name stands beside the curve, whatever the forecast says of the days after it."""
    recorded = [(OPENS + timedelta(days=n), each_day, each_day * (n + 1)) for n in range(25)]
    points = curve.curve_data(recorded, opens=OPENS, deadline=DEADLINE, target=100)
    newest = points[-1]
    ahead = fan.fan_data((newest.day, newest.total), [(DEADLINE, [200 if each_day == 1 else newest.total] * 5)])
    figure = curve.curve_figure(points, opens=OPENS, deadline=DEADLINE, target=100, labels=CURVE, fan=ahead)
    (pace,) = [note for note in figure["layout"]["annotations"] if note["text"] == "steady pace"]
    assert pace["xanchor"] == side


def test_far_above_the_target_no_name_lies_on_another() -> None:
    for total, named in ((300, True), (5_000, False)):
        points = curve.curve_data([(OPENS, total, total)], opens=OPENS, deadline=DEADLINE, target=100)
        figure = curve.curve_figure(points, opens=OPENS, deadline=DEADLINE, target=100, labels=CURVE)
        texts = [note["text"] for note in figure["layout"]["annotations"]]
        assert ("steady pace" in texts) is named
        assert {"target 100", "42 now"} <= set(texts)


@pytest.mark.parametrize(("length", "most"), [(0, 6), (1, 6), (4, 6), (29, 6), (400, 3)])
def test_ticks_are_few_and_hold_both_ends(length: int, most: int) -> None:
    last = OPENS + timedelta(days=length)
    ticks = charts_layout.day_ticks(OPENS, last, most)
    assert len(ticks) <= most
    assert (ticks[0], ticks[-1]) == (OPENS, last)
    assert len(set(ticks)) == len(ticks)


def test_names_cannot_become_markup() -> None:
    figure = groups.groups_figure([bar("<b>R&D</b>", 3, 1)], **GROUPS)
    assert figure["layout"]["yaxis"]["ticktext"] == ["&lt;b&gt;R&amp;D&lt;/b&gt; · 3"]
    assert charts_layout.with_hover_text(figure)["data"][1]["meta"] == ["<b>R&D</b>"], "a script shows it as text"


def test_a_name_of_two_hundred_letters_is_shortened_on_the_axis_only() -> None:
    figure = groups.groups_figure([bar("x" * 200, 3, 1)], **GROUPS)
    assert len(figure["layout"]["yaxis"]["ticktext"][0]) < 40
    assert charts_layout.with_hover_text(figure)["data"][1]["meta"] == ["x" * 200]


def test_bars_are_sorted_by_what_they_show() -> None:
    """The lowest share first; of equal shares, the group with most people below the target."""
    bars = [bar("done", 9, 9), bar("many", 30, 10), bar("few", 4, 1), bar("more", 8, 2)]
    figure = groups.groups_figure(groups.groups_data(bars), **GROUPS)
    assert figure["data"][1]["x"] == sorted(figure["data"][1]["x"])
    assert figure["layout"]["yaxis"]["ticktext"] == ["more · 8", "few · 4", "many · 30", "done · 9"]


@pytest.mark.parametrize("kind", [*figures()])
def test_every_point_has_a_tooltip_with_a_heading(kind: str) -> None:
    """charts.js shows the lines of all traces at one place under one heading."""
    traces = [trace for trace in figures()[kind]["data"] if trace.get("hoverinfo") != "skip"]
    for trace in traces:
        assert len(trace["hovertext"]) == len(trace["meta"]) == len(trace["x"])
        assert trace["hoverinfo"] == "none", "Plotly would draw a second one, in its own font"
    if figures()[kind]["layout"]["hovermode"] == "x":
        headings = {point for trace in traces for point in zip(trace["x"], trace["meta"], strict=True)}
        assert len(headings) == len({x for x, _heading in headings})


def test_bands_and_bars_lead_to_their_people() -> None:
    found = figures()
    assert found["bands"]["data"][0]["customdata"] == ["/team/B001/?status=band_4"]
    assert found["histogram"]["data"][0]["customdata"] == ["/0", "/5", "/10"]
    assert found["groups"]["data"][1]["customdata"] == ["/team/1/"]


@pytest.mark.parametrize(("people", "done", "said"), [(1000, 999, 99), (1000, 1, 1), (3, 3, 100), (3, 0, 0), (0, 0, 0)])
def test_a_share_is_hundred_only_when_all_are_at_the_target(people: int, done: int, said: int) -> None:
    assert groups.whole_percent(bar("A", people, done)) == said


def test_thirty_groups_are_drawn_and_the_table_has_the_rest() -> None:
    figure = groups.groups_figure(groups.groups_data(bar(f"{n}", 9, 1) for n in range(40)), **GROUPS)
    assert len(figure["data"][1]["x"]) == 30


def test_empty_bins_behind_the_last_person_are_not_drawn() -> None:
    bars = histogram.histogram_data([(0, 4, 3), (5, 9, 0), (10, 14, 0), (15, None, 0)], target=10)
    assert [(one.low, one.high) for one in bars] == [(0, 4), (5, 9), (10, 14)]


def test_bars_at_the_target_have_another_colour_than_those_below() -> None:
    bars = histogram.histogram_data([(0, 4, 3), (5, 9, 1), (10, None, 2)], target=10)
    nobody = histogram.Quartiles(None, None, None)
    figure = histogram.histogram_figure(bars, target=10, quartiles=nobody, medians=[], labels=HISTOGRAM)
    below, also_below, above = figure["data"][0]["marker"]["color"]
    assert below == also_below != above


def test_bands_stack_to_the_headcount() -> None:
    (day,) = bands.bands_data([(OPENS, 5, 4, 3, 2, 1)])
    figure = bands.bands_figure([day], opens=OPENS, deadline=DEADLINE, **BANDS)
    assert sum(trace["y"][0] for trace in figure["data"]) == day.total == 15


def test_small_sources_share_one_column() -> None:
    rows = [(OPENS, name, count) for name, count in zip("abcdefg", range(70, 0, -10), strict=True)]
    found = days.sources_data(rows)
    assert found.names == ("a", "b", "c", "d", "")
    assert found.days[0].counts == (70, 60, 50, 40, 60)
    assert found.days[0].total == sum(count for _, _, count in rows)


def test_a_day_without_a_source_counts_as_none_of_it() -> None:
    found = days.sources_data([(OPENS, "csv", 5), (DEADLINE, "page", 9)])
    assert found.names == ("page", "csv")
    assert [day.counts for day in found.days] == [(0, 5), (9, 0)]


def test_groups_are_compared_by_what_is_expected_of_them() -> None:
    """Who is behind today but will make it needs less help than who is ahead and stands still."""
    standing, moving = bar("Standing", 10, 4), bar("Moving", 10, 3)._replace(expected=groups.Range(9, 7, 10, 1))
    assert [group.label for group in groups.groups_data([moving, standing])] == ["Standing", "Moving"]
    interval, line = groups.groups_figure([standing, moving], **GROUPS)["layout"]["shapes"]
    assert (interval["x0"], interval["x1"], line["x0"]) == (70, 100, 90)
    assert line["y0"] < 1 < line["y1"], "on the row of its group"


def test_the_forecast_begins_at_today_and_ends_beside_the_chart() -> None:
    period: dict[str, Any] = {"opens": OPENS, "deadline": DEADLINE}
    figure = days.below_target_figure(days.below_target_data([(OPENS, 9)]), **period, **UNDER, fan=UNDER_AHEAD)
    outer, _inner, median, _area = figure["data"]
    assert (outer["y"], median["y"]) == ([9, 7, 1, 9], [9, 4])
    beside = {label["text"] for label in figure["layout"]["annotations"] if label["x"] == DEADLINE.isoformat()}
    assert beside == {"1", "4", "7"}
