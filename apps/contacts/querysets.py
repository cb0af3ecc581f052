"""Contacts by name: whose they are, and which are still live."""

from __future__ import annotations

from django.db import models

from apps.employees.models import Employee


class ContactQuerySet(models.QuerySet):
    """Contacts. Nobody but the employee who recorded them reads them: begin with `of`."""

    def of(self, employee: Employee) -> ContactQuerySet:
        """The contacts one employee recorded."""
        return self.filter(employee=employee)

    def live(self) -> ContactQuerySet:
        """Contacts that have not ended."""
        return self.filter(ended_at=None)
