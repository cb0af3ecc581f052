"""Rosters as HR brings them: sent, looked at and applied as a worker does."""

from apps.roster import imports
from apps.roster.models import RosterLoad
from tests.people import TESTER


def sent(content: str | bytes, name: str = "roster.csv") -> RosterLoad:
    """A file that HR has sent and no worker has looked at."""
    return imports.receive_upload(
        name=name, content=[content.encode() if isinstance(content, str) else content], by=TESTER
    )


def looked(content: str | bytes, name: str = "roster.csv", **again: object) -> RosterLoad:
    """A file whose difference is shown; `again`: read another way than at first."""
    load = worked(sent(content, name))
    if again:
        imports.refresh_preview(load, **again)  # type: ignore[arg-type]
        worked(load)
    return load


def worked(load: RosterLoad) -> RosterLoad:
    """The load after a worker has done what waits."""
    imports.process_load(load.pk)
    load.refresh_from_db()
    return load


def confirmed(content: str | bytes, name: str = "roster.csv", **again: object) -> RosterLoad:
    """A load that waits to be applied."""
    load = looked(content, name, **again)
    assert imports.confirm(load, digest=load.digest, by=TESTER)
    load.refresh_from_db()
    return load


def applied(content: str | bytes, name: str = "roster.csv", **again: object) -> RosterLoad:
    """A load that was applied."""
    return worked(confirmed(content, name, **again))
