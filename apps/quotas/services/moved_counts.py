"""Whose number of contacts a change of the roster moves, asked in its transaction before it is committed."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from apps.contacts.models import ContactIdentity
from apps.employees.models import EmployeeIdentity
from apps.ledger.services import clock, identity
from apps.quotas.models import Campaign
from apps.quotas.querysets import literal

# The identities of the people who were touched, as they were and as they are; `effect_` tables: as they were
# (employees.roster_effects). An identity that is an employee's at any time makes a contact `not_external`.
KEYS = """
CREATE TEMP TABLE effect_keys ON COMMIT DROP AS
SELECT kind, digest FROM effect_employeeidentity
UNION SELECT kind, digest FROM employees_employeeidentity WHERE employee_id IN (SELECT employee_id FROM effect_people);
ANALYZE effect_keys;
"""
HOLDERS = """
SELECT mine.employee_id FROM effect_keys one
JOIN contacts_contactidentity mine ON mine.kind = one.kind AND mine.digest = one.digest
JOIN contacts_contact contact ON contact.id = mine.contact_id AND contact.ended_at IS NULL
WHERE EXISTS ({was}) <> EXISTS ({is_now})
  AND NOT EXISTS ({is_now} AND theirs.employee_id NOT IN (SELECT employee_id FROM effect_people))
"""
COLLEAGUE = """
SELECT 1 FROM {prefix}employeeidentity theirs JOIN {prefix}employment work USING (employee_id)
WHERE theirs.kind = one.kind AND theirs.digest = one.digest AND work.starts_at < {until} AND work.ends_at > {since}
"""


def count_moved() -> int:
    """How many employees have a contact that becomes, or stops being, an employee in a running campaign or for good."""
    # For good: for campaigns that are opened later.
    periods = {("'-infinity'", "'infinity'")}
    for campaign in Campaign.objects.to_mark(clock()):
        periods.add((literal(campaign.rule.opens_at), literal(campaign.rule.cutoff_at)))
    found = " UNION ".join(
        HOLDERS.format(
            was=COLLEAGUE.format(prefix="effect_", since=since, until=until),
            is_now=COLLEAGUE.format(prefix="employees_", since=since, until=until),
        )
        for since, until in sorted(periods)
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.effect_keys;" + KEYS)
        cursor.execute(f"SELECT count(*) FROM ({found}) moved")
        return int(cursor.fetchone()[0])


def count_holders(addresses: Iterable[str]) -> int:
    """How many employees have a contact with one of these e-mail addresses, which are no employee's yet."""
    digests = {identity("email", address).digest for address in addresses}
    known = EmployeeIdentity.objects.filter(kind="email", digest__in=digests).values_list("digest", flat=True)
    new = digests - {bytes(digest) for digest in known}
    held = ContactIdentity.objects.filter(kind="email", digest__in=new, contact__ended_at=None)
    return held.values("employee").distinct().count()
