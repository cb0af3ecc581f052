"""Count the employees whose counted contacts a roster change alters, in its transaction, before the commit."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from apps.campaigns.models import Campaign, CampaignRule
from apps.contacts.models import ContactIdentity
from apps.core.identity_key import normalise_identity
from apps.core.sql import sql_literal
from apps.employees.models import EmployeeIdentity

# `effect_keys`: the identities of the changed employees that are also a contact's identity, ended contacts included,
# because a query with an earlier as_of counts them. `effect_work`: the employment periods of all employees who have or
# had these identities, before and after the change. The other `effect_` tables hold the state before the change
# (apps/roster/effects.py).
KEYS = """
DROP TABLE IF EXISTS pg_temp.effect_keys, pg_temp.effect_work;
CREATE TEMP TABLE effect_keys ON COMMIT DROP AS
SELECT kind, digest FROM (
    SELECT kind, digest FROM effect_employeeidentity
    UNION SELECT kind, digest FROM employees_employeeidentity JOIN effect_people USING (employee_id)) one
WHERE EXISTS (SELECT 1 FROM contacts_contactidentity mine WHERE mine.kind = one.kind AND mine.digest = one.digest);
ANALYZE effect_keys;
CREATE TEMP TABLE effect_work ON COMMIT DROP AS
SELECT kind, digest, true AS was, false AS is_now, starts_at, ends_at FROM effect_keys
JOIN effect_employeeidentity USING (kind, digest) JOIN effect_employment USING (employee_id)
UNION ALL
SELECT kind, digest, touched.employee_id IS NULL, true, starts_at, ends_at FROM effect_keys
JOIN employees_employeeidentity theirs USING (kind, digest) JOIN employees_employment USING (employee_id)
LEFT JOIN effect_people touched ON touched.employee_id = theirs.employee_id;
ANALYZE effect_work;
"""
# A query as of T treats a contact as a colleague if the person was employed at any moment between the opening and T.
# That holds for every T after the first such moment. If the change moves this moment, some query of the campaign gives
# another answer. This includes frozen campaigns, whose earlier days are counted from the facts.
MOVED = """
SELECT kind, digest FROM effect_work WHERE starts_at < {cutoff_at} AND ends_at > {opens_at} GROUP BY 1, 2
HAVING min(greatest(starts_at, {opens_at})) FILTER (WHERE was)
    IS DISTINCT FROM min(greatest(starts_at, {opens_at})) FILTER (WHERE is_now)
"""
# For campaigns that open later: a person who never was a colleague becomes one, or the reverse.
MOVED_FOR_GOOD = "SELECT kind, digest FROM effect_work GROUP BY 1, 2 HAVING bool_or(was) <> bool_or(is_now)"
HOLDERS = """
SELECT count(DISTINCT mine.employee_id) FROM ({moved}) moved
JOIN contacts_contactidentity mine ON mine.kind = moved.kind AND mine.digest = moved.digest
"""


def count_moved() -> int:
    """Count the employees with a contact whose time as a colleague changes in any campaign, or for all campaigns.

    For all campaigns: the person becomes a colleague for the first time, or is no colleague at any time any more.
    """
    rules = CampaignRule.objects.exclude(campaign__state=Campaign.State.CANCELLED)
    periods = rules.values_list("opens_at", "cutoff_at").distinct()
    found = [MOVED_FOR_GOOD]
    found += [
        MOVED.format(opens_at=sql_literal(opens_at), cutoff_at=sql_literal(cutoff_at))
        for opens_at, cutoff_at in periods
    ]
    with connection.cursor() as cursor:
        cursor.execute(KEYS)
        cursor.execute(HOLDERS.format(moved=" UNION ".join(found)))
        return int(cursor.fetchone()[0])


def count_holders(addresses: Iterable[str]) -> int:
    """Count the employees who have a contact with one of these e-mail addresses. Employees' addresses are left out."""
    digests = {normalise_identity("email", address).digest for address in addresses}
    known = EmployeeIdentity.objects.filter(kind="email", digest__in=digests).values_list("digest", flat=True)
    new = digests - {bytes(digest) for digest in known}
    held = ContactIdentity.objects.filter(kind="email", digest__in=new)
    return held.values("employee").distinct().count()
