"""Find the employee for each line of a contact file.

Either the whole file belongs to one employee, or each line names its employee by staff number or e-mail address.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from apps.contacts import drafts
from apps.contacts.drafts import Outcome
from apps.contacts.reading import Entry
from apps.core.identity import InvalidIdentity, clean_text, storable
from apps.core.identity_key import normalise_identity
from apps.employees.models import Employee, EmployeeIdentity


class EmployeeResolver:
    """Resolves staff numbers and e-mail addresses to employees; caches the results for the next batch."""

    def __init__(self, only: Employee | None):
        self._only = only
        self._by_number: dict[str, int] = {}
        self._by_email: dict[str, int] = {}
        own = EmployeeIdentity.objects.filter(employee=only, kind="email", live=True) if only else ()
        self._addresses = {bytes(one.digest) for one in own}

    def learn(self, entries: Iterable[Entry]) -> None:
        """Load the employees that these entries name and that are not cached yet."""
        if self._only:
            return
        numbers = {entry.staff_no for entry in entries} - self._by_number.keys()
        wanted = [number for number in numbers if number and storable(number)]
        if wanted:
            found = Employee.objects.filter(staff_no__in=wanted).values_list("staff_no", "pk")
            self._by_number.update(found)
        written = {entry.employee_email for entry in entries if not entry.staff_no} - self._by_email.keys() - {""}
        keys = {text: digest for text in written if (digest := _digest(text))}
        if keys:
            held = EmployeeIdentity.objects.filter(kind="email", live=True, digest__in=keys.values())
            holders = {bytes(digest): employee for digest, employee in held.values_list("digest", "employee_id")}
            self._by_email.update({text: holders[digest] for text, digest in keys.items() if digest in holders})

    def of(self, entry: Entry) -> int | Outcome:
        """Return the id of the employee an entry belongs to, or the outcome that refuses it.

        An entry that could not be read keeps its own refusal.
        """
        if entry.checked.refused and entry.checked.refused.code in drafts.UNREADABLE:
            return entry.checked.refused
        number, email = entry.staff_no, entry.employee_email
        named = clean_text(number or email)
        if self._only:
            if number == self._only.staff_no or (not number and (not email or _digest(email) in self._addresses)):
                return self._only.pk
            reason = _("The line names %(named)s, the file is for %(owner)s.")
            message = reason % {"named": named, "owner": self._only.staff_no}
            return Outcome(drafts.UNKNOWN_EMPLOYEE, entry.line, "staff_no" if number else "employee_email", message)
        owner = self._by_number.get(number) if number else self._by_email.get(email)
        if owner is not None:
            return owner
        column = "staff_no" if number or not email else "employee_email"
        reason = _("There is no employee %(named)s.") % {"named": named}
        if not (number or email):
            reason = _("No employee is named.")
        return Outcome(drafts.UNKNOWN_EMPLOYEE, entry.line, column, reason)


def _digest(text: str) -> bytes | None:
    try:
        return normalise_identity("email", text).digest
    except InvalidIdentity:
        return None
