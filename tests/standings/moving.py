"""D4: attempts to move a frozen verdict by raw SQL, as the application's own database role."""

from __future__ import annotations

from random import Random

from django.db import DatabaseError, connection, transaction

from apps.campaigns.models import Campaign
from tests.results.deadline import verdicts

NEW_RULE = """INSERT INTO campaigns_campaignrule (campaign_id, version, target, time_zone, opens_on, deadline, opens_at,
    cutoff_at, company_domains, exclusive, confirmed_only, scope)
SELECT campaign_id, 2, 1, time_zone, opens_on, deadline, opens_at, cutoff_at, company_domains, false, false, scope
FROM campaigns_campaignrule WHERE """
GRANTED = """INSERT INTO results_resultcorrection (campaign_id, state, reason, evidence, asked_by_id, asked_by_label,
    decided_at, decided_by_id, decided_by_label, answer, result_version)
VALUES ({campaign}, 'granted', 'x', 'x', 1, 'x', hundred_clock(), 2, 'x', '', 2)"""
ROW = """INSERT INTO results_frozenstanding (campaign_id, version, employee_id, staff_no, name, email, department,
    manager_staff_no, counted, target, exempt, pace, days, counts)
VALUES ({campaign}, {version}, 999, 'Z', '', '', '', '', 100, 100, false, 'done', '{{}}', '{{}}')"""
REASON = """INSERT INTO results_frozenreason (campaign_id, employee_id, contact_id, reason)
SELECT {campaign}, employee_id, max(id), 'ended' FROM contacts_contact GROUP BY employee_id"""
VERSION_2 = """INSERT INTO results_frozenresult (campaign_id, version, frozen_at, rule_version, cutoff_at, snapshot_at,
    rows, red, digest, signature, public_key, created_by_label)
SELECT campaign_id, 2, frozen_at, 1, cutoff_at, snapshot_at, 0, 0, '', '', '', '' FROM results_frozenresult
WHERE campaign_id = {campaign}"""


def statements(campaign: Campaign, rng: Random) -> list[str]:
    """Statements with which the application's role could move a verdict; the first would suffice alone."""
    of, number = f"campaign_id = {campaign.pk}", rng.randrange(1_000)
    return [
        f"UPDATE results_frozenstanding SET counted = 100 + {number} WHERE {of}",
        f"UPDATE results_frozenresult SET digest = 'x' WHERE {of}",
        f"DELETE FROM results_frozenstanding WHERE {of}",
        f"DELETE FROM results_frozenresult WHERE {of}",
        f"DELETE FROM results_frozenorgposition WHERE {of}",
        f"DELETE FROM results_frozenreason WHERE {of}",
        f"UPDATE results_frozenreason SET reason = 'claimed' WHERE {of}",
        REASON.format(campaign=campaign.pk),
        "TRUNCATE results_frozenstanding CASCADE",
        f"UPDATE campaigns_campaign SET state = 'open' WHERE id = {campaign.pk}",
        f"UPDATE campaigns_campaign SET state = 'closing', snapshot_at = NULL WHERE id = {campaign.pk}",
        f"UPDATE campaigns_campaign SET snapshot_at = hundred_clock() WHERE id = {campaign.pk}",
        NEW_RULE + of,
        *(ROW.format(campaign=campaign.pk, version=version) for version in (1, 2)),
        f"""INSERT INTO results_frozenorgposition (campaign_id, employee_id, first, last)
        VALUES ({campaign.pk}, 0, 900, 900)""",
        VERSION_2.format(campaign=campaign.pk),
        GRANTED.format(campaign=campaign.pk),
        "ALTER TABLE results_frozenstanding DISABLE TRIGGER ALL",
        "DROP TRIGGER results_frozen_rows ON results_frozenstanding",
        "SET session_replication_role = 'replica'",
    ]


def attempts(trials: int, seed: int, campaign: Campaign) -> list[str]:
    """Try `trials` statements in random order; return those the database accepted, and whether a verdict moved."""
    rng, before, missed = Random(seed), verdicts(campaign), []
    while trials > 0:
        tried = statements(campaign, rng)[:trials]
        rng.shuffle(tried)
        trials -= len(tried)
        for statement in tried:
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement)
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                missed.append(statement)
            except DatabaseError:
                pass
    if verdicts(campaign) != before:
        missed.append("a verdict moved")
    return missed
