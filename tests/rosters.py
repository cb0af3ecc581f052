"""Rosters as HR uploads them: previewed and applied like a worker does."""

from apps.roster import import_processing, imports
from apps.roster.models import RosterImport
from tests.people import TESTER


def sent(content: str | bytes, name: str = "roster.csv") -> RosterImport:
    """A file that HR has uploaded and no worker has read."""
    return imports.receive_upload(
        name=name, content=[content.encode() if isinstance(content, str) else content], by=TESTER
    )


def looked(content: str | bytes, name: str = "roster.csv", **again: object) -> RosterImport:
    """A file with its difference ready; `again`: read with other options."""
    load = worked(sent(content, name))
    if again:
        imports.refresh_preview(load, **again)  # type: ignore[arg-type]
        worked(load)
    return load


def worked(load: RosterImport) -> RosterImport:
    """The load after a worker has done the pending work."""
    import_processing.process_load(load.pk)
    load.refresh_from_db()
    return load


def confirmed(content: str | bytes, name: str = "roster.csv", **again: object) -> RosterImport:
    """A confirmed load that is not applied yet."""
    load = looked(content, name, **again)
    assert imports.confirm(load, digest=load.digest, by=TESTER)
    load.refresh_from_db()
    return load


def applied(content: str | bytes, name: str = "roster.csv", **again: object) -> RosterImport:
    """A load that was applied."""
    return worked(confirmed(content, name, **again))
