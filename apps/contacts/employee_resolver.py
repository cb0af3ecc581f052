"""Find the employee for each line of a contact file.

Either the whole file belongs to one employee, or each line names its employee by staff number or e-mail address.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from apps.contacts.drafts import UNREADABLE, Outcome, OutcomeCode
from apps.contacts.reading import Entry
from apps.core.identity_key import email_digest
from apps.core.text import clean_text, is_storable
from apps.employees.models import Employee, EmployeeIdentity


class EmployeeResolver:
    """Resolves staff numbers and e-mail addresses to employees; caches the results for the next batch."""

    def __init__(self, only: Employee | None):
        self._only = only
        self._by_number: dict[str, int] = {}
        self._by_email: dict[str, int] = {}
        own = EmployeeIdentity.objects.filter(employee=only, kind="email", live=True) if only else ()
        self._addresses = {bytes(identity.digest) for identity in own}

    def prefetch(self, entries: Iterable[Entry]) -> None:
        """Look up the employees that these entries name and that are not cached yet, in two queries."""
        if self._only:
            return
        written = {entry.staff_no for entry in entries} - self._by_number.keys() - {""}
        # PostgreSQL refuses a text with a NUL, and one such cell would fail the whole batch.
        if numbers := list(filter(is_storable, written)):
            employees = Employee.objects.filter(staff_no__in=numbers)
            self._by_number.update(employees.values_list("staff_no", "pk"))
        texts = {entry.employee_email for entry in entries if not entry.staff_no} - self._by_email.keys() - {""}
        # By digest, so that another spelling of an address (ann+list@...) finds the same employee.
        if digests := {text: digest for text in texts if (digest := email_digest(text))}:
            identities = EmployeeIdentity.objects.filter(kind="email", live=True, digest__in=digests.values())
            holders = {bytes(digest): employee for digest, employee in identities.values_list("digest", "employee_id")}
            self._by_email.update({text: holders[digest] for text, digest in digests.items() if digest in holders})

    def of(self, entry: Entry) -> int | Outcome:
        """Return the id of the employee an entry belongs to, or the outcome that refuses it.

        An entry that could not be read keeps its own refusal.
        """
        if entry.draft.refused and entry.draft.refused.code in UNREADABLE:
            return entry.draft.refused
        number, email = entry.staff_no, entry.employee_email
        named = clean_text(number or email)
        if self._only:
            # A file for one employee may repeat the number or the address in every line, but not name a colleague.
            if number == self._only.staff_no or (not number and (not email or email_digest(email) in self._addresses)):
                return self._only.pk
            message = _("This line names %(named)s, but the file is for %(owner)s.")
            message %= {"named": named, "owner": self._only.staff_no}
            return Outcome(
                OutcomeCode.UNKNOWN_EMPLOYEE, entry.line, "staff_no" if number else "employee_email", message
            )
        employee_id = self._by_number.get(number) if number else self._by_email.get(email)
        if employee_id is not None:
            return employee_id
        column = "staff_no" if number or not email else "employee_email"
        reason = _("There is no employee %(named)s.") % {"named": named}
        if not (number or email):
            reason = _("This line does not name an employee.")
        return Outcome(OutcomeCode.UNKNOWN_EMPLOYEE, entry.line, column, reason)
