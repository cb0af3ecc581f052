"""The peer: django-import-export on Hundred's tables, with the fastest options of its documentation.

https://django-import-export.readthedocs.io/en/stable/bulk_import.html: `use_bulk`, `skip_diff`, no look for existing
rows (`force_init_instance`), owners looked up once (CachedForeignKeyWidget), and no model is cleaned. One transaction
for all rows, because each further commit waits for the disk.

It does less than Hundred's import: it normalises nothing and finds no duplicates or invalid cells, so its file has
neither. It takes no lock, queues no employee, stores no file and makes no report. It does more in one respect: it keeps
a result of each row for display.

Its CSV has the stored columns of a page's, neither escaped nor evaluated: pace, reviews and inactive days are missing.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

from import_export.fields import Field
from import_export.resources import ModelResource
from import_export.widgets import CachedForeignKeyWidget
from tablib import Dataset

from apps.contacts.models import Contact, ContactIdentity, Source
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.standings.models import Standing
from tests.bench.database import OWN_CAMPAIGN

ORDER = (
    "staff_no", "name", "email", "department", "manager_staff_no", "counted", "target", "remaining", "red", "exempt",
    "as_of",
)  # fmt: skip


class Contacts(ModelResource):
    """A line is a contact with a phone and an e-mail, which are rows of their own."""

    employee = Field("employee", "staff_no", CachedForeignKeyWidget(Employee, "staff_no"))

    class Meta:
        model = Contact
        fields = ("employee", "name")
        import_id_fields: list[str] = []
        force_init_instance = use_bulk = skip_diff = skip_html_diff = use_transactions = True
        report_skipped = False
        batch_size = 1_000

    def before_import(self, dataset: Dataset, **kwargs: Any) -> None:
        self.at = db_now()
        self.identities: list[ContactIdentity] = []

    def after_save_instance(self, instance: Contact, row: dict[str, str], **kwargs: Any) -> None:
        instance.recorded_at = instance.stored_at = self.at
        instance.source = Source.CSV
        for kind in ("phone", "email"):
            value = row[kind]
            self.identities.append(
                ContactIdentity(
                    contact=instance, employee_id=instance.employee_id, kind=kind, value=value,
                    domain=value.partition("@")[2] or None, digest=hashlib.sha256(value.encode()).digest(),
                )
            )  # fmt: skip

    def after_import(self, dataset: Dataset, result: Any, **kwargs: Any) -> None:
        """Only the owner may reset its sequences, and no explicit id makes that necessary."""

    def bulk_create(self, *args: Any, **kwargs: Any) -> None:
        """A batch of contacts, then their identities, which need the ids of the contacts."""
        super().bulk_create(*args, **kwargs)
        for identity in self.identities:
            identity.contact_id = identity.contact.pk
        ContactIdentity.objects.bulk_create(self.identities, batch_size=self._meta.batch_size)
        self.identities.clear()


class Standings(ModelResource):
    """A standing with its person, place and manager."""

    staff_no, name, email = (Field(f"employee__{name}", name) for name in ("staff_no", "name", "email"))
    department = Field("employee__node__department", "department")
    manager_staff_no, as_of = Field(column_name="manager_staff_no"), Field(column_name="as_of")

    class Meta:
        model = Standing
        fields = ORDER
        chunk_size = 2_000

    def before_export(self, queryset: Any, **kwargs: Any) -> None:
        self.numbers = dict(Employee.objects.values_list("pk", "staff_no"))
        self.now = db_now().isoformat()

    def get_export_order(self) -> tuple[str, ...]:
        return ORDER

    def dehydrate_manager_staff_no(self, standing: Standing) -> str:
        return self.numbers.get(standing.employee.node.manager_id, "")

    def dehydrate_as_of(self, standing: Standing) -> str:
        return self.now


def import_contacts(path: Path) -> dict[str, Any]:
    """The seconds of an import with its reading, and how many contacts it stored."""
    began = time.perf_counter()
    with path.open(encoding="utf-8", newline="") as file:
        rows = Dataset().load(file, format="csv")
    result = Contacts().import_data(rows, raise_errors=True)
    return {"seconds": time.perf_counter() - began, "created": result.totals["new"]}


def export_standings(path: Path) -> dict[str, Any]:
    """The seconds of a CSV of all standings, and its lines."""
    began = time.perf_counter()
    standings = Standing.objects.filter(campaign__slug=OWN_CAMPAIGN).select_related("employee__node")
    table = Standings().export(standings.order_by("employee__staff_no"))
    path.write_text(table.csv, encoding="utf-8", newline="")
    return {"seconds": time.perf_counter() - began, "rows": len(table)}
