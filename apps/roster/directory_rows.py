"""Makes roster rows from the users that the directory has sent. Changes no data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.identity import InvalidIdentity
from apps.core.identity_key import normalise_identity
from apps.core.sql import fetch_all, statement
from apps.core.text import clean_text
from apps.core.time_zones import company_zone, time_zones
from apps.employees.models import Employee
from apps.fileio.csv_injection import escape_formula
from apps.fileio.csv_reader import Record
from apps.roster.cells import day_of
from apps.roster.columns import compose_name
from apps.roster.directory_models import DirectoryUser

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ROSTER = "urn:ietf:params:scim:schemas:extension:hundred:2.0:User"
# The optional columns that the directory may leave to the roster, in the order of `present_cells`.
OPTIONAL = ("phone", "department", "manager_staff_no", "time_zone", "started_on")
COLUMNS = ("staff_no", "name", "email", *OPTIONAL, "left_on")
MANAGERS = statement("roster", "directory", "managers")
DEPARTMENTS = statement("roster", "directory", "departments")
PRESENT_CELLS = statement("roster", "directory", "present_cells")
# Problems of a user who is loaded without the value.
UNKNOWN_MANAGER, BAD_PHONE, BAD_TIME_ZONE = "unknown_manager", "bad_phone", "bad_time_zone"


class DirectoryRow:
    """The cells of one user; an absent column leaves the roster as it is. `problem`: the code of a value left out."""

    def __init__(self, user: DirectoryUser, cells: dict[str, str], problem: str):
        self.user, self.cells, self.problem = user, cells, problem


class DirectoryTable:
    """The rows as `parser.read_roster` reads a file: line n + 1 is row n."""

    columns = list(COLUMNS)

    def __init__(self, rows: Sequence[DirectoryRow]):
        self.rows = rows

    def require(self, *columns: str) -> None:
        """Every row has the required columns."""

    def __iter__(self) -> Iterator[Record]:
        for line, row in enumerate(self.rows, start=1):
            yield Record(line, list(row.cells.values()), "", tuple(row.cells))


def rows_of(users: Sequence[DirectoryUser]) -> list[DirectoryRow]:
    """The rows of these users."""
    ids = [user.pk for user in users]
    managers, departments = dict(fetch_all(MANAGERS, {"ids": ids})), dict(fetch_all(DEPARTMENTS, {"ids": ids}))
    loadable = {user.staff_no for user in users}
    loadable |= set(
        Employee.objects.filter(staff_no__in=set(managers.values()) - loadable).values_list("staff_no", flat=True)
    )
    return [_row(user, managers.get(user.pk, ""), loadable, departments) for user in users]


def _row(user: DirectoryUser, manager: str, loadable: set[str], departments: dict[UUID, str]) -> DirectoryRow:
    cells = {"staff_no": user.staff_no, "name": name_of(user.document), "email": user.email}
    sent, problem = set(user.sent), ""
    if "phone" in sent:
        cells["phone"], problem = _phone(user.document)
        if problem:
            del cells["phone"]
    if "time_zone" in sent:
        zone = user.document.get("timezone", "")
        if zone and zone not in time_zones():
            problem = BAD_TIME_ZONE
        else:
            cells["time_zone"] = zone
    department = _extension(user.document, ENTERPRISE, "department") or departments.get(user.pk, "")
    if department or "department" in sent:
        cells["department"] = department
    if "manager" in sent:
        if user.manager and manager not in loadable:
            problem = UNKNOWN_MANAGER
        else:
            cells["manager_staff_no"] = manager
    if "started_on" in sent:
        cells["started_on"] = _extension(user.document, ROSTER, "startedOn")
    cells["left_on"] = _last_day(user)
    return DirectoryRow(user, cells, problem)


def _last_day(user: DirectoryUser) -> str:
    """The last day as sent; of an inactive user the earlier one of it and of the day that made it inactive."""
    sent = _extension(user.document, ROSTER, "leftOn")
    if user.inactive_on is None:
        return sent
    try:
        return min(day_of(sent), user.inactive_on).isoformat()
    except ValueError:
        return user.inactive_on.isoformat()


def name_of(document: dict[str, Any]) -> str:
    """The full name: as displayed, as formatted, or from its parts; else the user name."""
    parts = document.get("name") or {}
    composed = compose_name(parts.get("givenName", ""), parts.get("familyName", ""))
    return document.get("displayName") or parts.get("formatted") or composed or document.get("userName", "")


def work_value(entries: Sequence[dict[str, Any]], *types: str) -> str:
    """The value of the first entry with one of these types, in their order; else the primary or the first one."""
    for kind in types:
        for entry in entries:
            if str(entry.get("type", "")).lower() == kind and entry.get("value"):
                return str(entry["value"])
    ordered = sorted(entries, key=lambda entry: not entry.get("primary"))
    return next((str(entry["value"]) for entry in ordered if entry.get("value")), "")


def _phone(document: dict[str, Any]) -> tuple[str, str]:
    """The mobile or work number and a problem code; a directory also holds texts that are no numbers."""
    text = work_value(document.get("phoneNumbers") or (), "mobile", "work")
    if not text:
        return "", ""
    try:
        return normalise_identity("phone", text).value, ""
    except InvalidIdentity:
        return "", BAD_PHONE


def _extension(document: dict[str, Any], schema: str, name: str) -> str:
    return clean_text(str((document.get(schema) or {}).get(name) or ""))


def csv_of(rows: Sequence[DirectoryRow], now: datetime) -> bytes:
    """The rows as a roster file in which each cell is written, with the roster's present value where none was sent."""
    numbers = [row.user.staff_no for row in rows]
    stored = fetch_all(PRESENT_CELLS, {"numbers": numbers, "zone": company_zone(), "now": now})
    present = {staff_no: dict(zip(OPTIONAL, cells, strict=True)) for staff_no, *cells in stored}
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS, restval="")
    writer.writeheader()
    for row in rows:
        cells = present.get(row.user.staff_no, {}) | row.cells
        writer.writerow({column: escape_formula(cell) for column, cell in cells.items()})
    return file.getvalue().encode()
