"""Migration statements in whole `.sql` files, in the folder `sql` of their app."""

from pathlib import Path

from django.db.migrations import RunSQL

APPS = Path(__file__).resolve().parent.parent


def run_file(app: str, name: str, *, functions: tuple[str, ...] = ()) -> RunSQL:
    """Run `apps/<app>/sql/<name>`; the reverse drops these functions and the triggers that call them.

    A trigger on a table is dropped with its table. Migrations read these files, so a released file never changes: a
    later migration brings its own.
    """
    # CASCADE also drops the triggers that call the function, in whichever order migrations are reversed.
    reverse = "".join(f"DROP FUNCTION {function} CASCADE;\n" for function in functions)
    return RunSQL((APPS / app / "sql" / name).read_text(encoding="utf-8"), reverse or RunSQL.noop)
