"""What a picture is to a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.dashboard.charts import frame


@dataclass(frozen=True)
class Cell:
    text: str
    url: str = ""


@dataclass(frozen=True)
class Picture:
    """A chart on a page. `figure` is called only at the chart's own address; `url` is that address."""

    key: str
    title: str
    note: str
    url: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    figure: Callable[[], frame.Figure]
    legend: Sequence[tuple[str, str]] = ()
    size: str = ""
    live: bool = False

    @property
    def heading(self) -> str:
        return f"picture-{self.key}"


def cells(*values: object) -> list[Cell]:
    return [value if isinstance(value, Cell) else Cell(str(value)) for value in values]
