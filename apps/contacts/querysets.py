"""Named queries for contacts: by employee, and live ones."""

from __future__ import annotations

from django.db import models

from apps.employees.models import Employee


class ContactQuerySet(models.QuerySet):
    """Contacts. Only the employee who recorded a contact may read it: start every query with `of`."""

    def of(self, employee: Employee) -> ContactQuerySet:
        return self.filter(employee=employee)

    def live(self) -> ContactQuerySet:
        return self.filter(ended_at=None)
