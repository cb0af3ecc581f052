"""SQL and Python agree to the microsecond: pages, evaluations and exports use the SQL, people read the Python."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.campaigns import rules
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import ALL_EMPLOYEES
from apps.contacts.models import Contact, ContactIdentity
from apps.employees.models import Employee, EmployeeIdentity, Employment
from apps.standings.base_query import pace_sql, quiet_days_sql
from apps.standings.evaluation import with_exclusion_reason
from tests.standings import rules_oracle
from tests.standings.rules_oracle import ContactFacts, CountingRule

TICK = timedelta(microseconds=1)
OPENS, CUTOFF = datetime(2026, 10, 31, 16, tzinfo=UTC), datetime(2026, 11, 30, 16, tzinfo=UTC)
MIDDLE, FAR = datetime(2026, 11, 15, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)
# Every boundary with its neighbours: most errors with times happen at equality.
INSTANTS = sorted({at + n * TICK for at in (OPENS, MIDDLE, CUTOFF) for n in (-1, 0, 1)} | {OPENS - timedelta(9), FAR})
instants = st.sampled_from(INSTANTS)
# (kind, digest, domain of an e-mail): outsiders' identities that contacts and colleagues share at random.
POOL = [
    ("email", b"a" * 32, "corp.example.com"), ("email", b"b" * 32, "outside.example.org"),
    ("phone", b"c" * 32, None), ("handle", b"d" * 32, None),
    ("email", b"e" * 32, "eu.mail.corp.example.com"), ("email", b"f" * 32, "xcorp.example.com"),
]  # fmt: skip


@dataclass
class Fact:
    """One contact as hypothesis draws it."""

    employee: int
    identities: list[int]
    recorded_at: datetime
    stored_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    was_external: bool | None
    # From when each identity was named, where that is later than the start.
    claimed_from: dict[int, datetime]
    pk: int = 0

    def claim(self, identity: int) -> datetime:
        return self.claimed_from.get(identity, self.recorded_at)


def rarely(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly None: a world in which all conditions hold at once shows only the first reason."""
    return st.sampled_from([False, False, False, True]).flatmap(lambda there: values if there else st.none())


@st.composite
def facts(draw: Any, few: st.SearchStrategy[datetime]) -> Fact:
    recorded, stored = sorted([draw(few), draw(few)])
    ended = draw(rarely(few))
    identities = draw(st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=3, unique=True))
    return Fact(
        employee=draw(st.sampled_from([0, 0, 1, 1, 2])),
        identities=identities,
        claimed_from={n: max(at, recorded) for n in identities if (at := draw(rarely(few)))},
        recorded_at=recorded,
        stored_at=stored,
        confirmed_at=draw(few | st.none()),
        ended_at=None if ended is None else max(ended, recorded),
        was_external=draw(st.sampled_from([None, None, None, True, False])),
    )


@dataclass
class World:
    """Contacts, the identities and employment periods of employees, a rule, and an instant `as_of`."""

    contacts: list[Fact]
    employed: list[tuple[int, datetime, datetime]]
    terms: CountingRule
    at: datetime


@st.composite
def worlds(draw: Any) -> World:
    # Few instants in each world, so that they often coincide.
    few = st.sampled_from([MIDDLE, *draw(st.lists(instants, min_size=1, max_size=3, unique=True))])
    return World(
        contacts=draw(st.lists(facts(few), min_size=2, max_size=7)),
        employed=draw(st.lists(st.tuples(st.sampled_from([0, 1, 2]), few, few), max_size=2)),
        terms=CountingRule(
            opens_at=OPENS,
            cutoff_at=CUTOFF,
            company_domains=draw(
                st.sampled_from(
                    [
                        [],
                        ["corp.example.com"],
                        ["corp.example.com", "it's.example.net", "mail.corp.example.com", "100%.corp"],
                    ]
                )
            ),
            exclusive=draw(st.sampled_from([True, True, False])),
            confirmed_only=draw(st.sampled_from([False, False, True])),
            snapshot_at=draw(rarely(few)),
        ),
        at=draw(few | st.just(FAR)),
    )


def store(world: list[Fact], employed: list[tuple[int, datetime, datetime]]) -> None:
    """Write the facts without any service: only the constraints check them."""
    staff = Employee.objects.bulk_create(Employee(staff_no=f"E{n}", name=f"E{n}", email=f"e{n}") for n in range(5))
    for n, (identity, start, end) in enumerate(employed):
        kind, digest, _domain = POOL[identity]
        EmployeeIdentity.objects.create(
            employee=staff[3 + n], kind=kind, value="x", digest=digest, live=False, ended_at=FAR
        )
        Employment.objects.create(employee=staff[3 + n], starts_at=min(start, end), ends_at=max(start, end) + TICK)
    live = set()
    for fact in world:
        keys = {(fact.employee, identity) for identity in fact.identities}
        if fact.ended_at is None and keys & live:
            fact.ended_at = fact.recorded_at
        live |= keys if fact.ended_at is None else set()
        contact = Contact.objects.create(
            employee=staff[fact.employee], name="x", recorded_at=fact.recorded_at, stored_at=fact.stored_at,
            confirmed_at=fact.confirmed_at, ended_at=fact.ended_at, source="page", was_external=fact.was_external,
            end_reason=None if fact.ended_at is None else "removed",
        )  # fmt: skip
        fact.pk = contact.pk
        for identity in fact.identities:
            kind, digest, domain = POOL[identity]
            ContactIdentity.objects.create(
                employee=staff[fact.employee], contact=contact, kind=kind, value="x", domain=domain, digest=digest,
                live=fact.ended_at is None, claimed_from=fact.claimed_from.get(identity),
            )  # fmt: skip


class Twin:
    """The reasons of a world in Python alone."""

    def __init__(self, world: World):
        self.world, self.employed, self.terms, self.at = world.contacts, world.employed, world.terms, world.at

    def of(self, fact: Fact) -> str:
        return rules_oracle.reason(self.contact(fact, claimed=self.is_claimed(fact)), self.terms, self.at)

    def contact(self, fact: Fact, *, claimed: bool) -> ContactFacts:
        look = rules.effective_as_of(self.at, self.terms.cutoff_at)
        known = {
            identity for identity, a, b in self.employed if min(a, b) < look and max(a, b) + TICK > self.terms.opens_at
        }
        return ContactFacts(
            recorded_at=fact.recorded_at,
            stored_at=fact.stored_at,
            confirmed_at=fact.confirmed_at,
            ended_at=fact.ended_at,
            is_colleague=bool(known & set(fact.identities)),
            domains=[domain for n in fact.identities if (domain := POOL[n][2])],
            was_external=fact.was_external,
            claimed_before=claimed,
        )

    def is_claimed(self, fact: Fact) -> bool:
        """Whether another employee named a shared identity earlier, in a contact without the first three reasons."""
        as_of = rules.effective_as_of(self.at, self.terms.cutoff_at)
        others = [
            other
            for other in self.world
            if other.employee != fact.employee
            and any(
                (other.claim(identity), other.employee) < (fact.claim(identity), fact.employee)
                and fact.claim(identity) < as_of
                for identity in set(other.identities) & set(fact.identities)
            )
        ]
        return any(self.claims(other) for other in others)

    def claims(self, other: Fact) -> bool:
        stands = rules_oracle.reason(self.contact(other, claimed=False), self.terms, self.at)
        return stands in ("", "unconfirmed")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_the_reason_in_sql_is_the_reason_in_python(db: None, world: World) -> None:
    sid = connection.savepoint()
    store(world.contacts, world.employed)
    terms = world.terms
    rule = CampaignRule(
        campaign=Campaign(snapshot_at=terms.snapshot_at), opens_at=OPENS, cutoff_at=CUTOFF, exclusive=terms.exclusive,
        confirmed_only=terms.confirmed_only, company_domains=list(terms.company_domains),
    )  # fmt: skip
    annotated = with_exclusion_reason(Contact.objects.all(), rule, world.at, ALL_EMPLOYEES)
    in_sql = dict(annotated.values_list("pk", "reason"))
    twin = Twin(world)
    in_python = {fact.pk: twin.of(fact) for fact in world.contacts if fact.recorded_at < world.at}
    connection.savepoint_rollback(sid)
    assert in_sql == in_python


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(st.integers(0, 1_100_000), st.integers(1, 1_000_000)), min_size=1, max_size=30),
    near=st.lists(st.tuples(st.integers(0, 120), st.just(100)), max_size=30),
    opens=st.integers(0, 1_000_000_000 * 10**6),
    length=st.integers(1, 400 * 86_400 * 10**6),
    share=st.integers(-20, 1200),
)
def test_the_pace_in_sql_is_the_pace_in_python(
    db: None, pairs: list[tuple[int, int]], near: list[tuple[int, int]], opens: int, length: int, share: int
) -> None:
    opens_at = datetime(2000, 1, 1, tzinfo=UTC) + opens * TICK
    cutoff_at = opens_at + length * TICK
    at = opens_at + (length * share // 1000) * TICK
    everything = pairs + near
    values = ", ".join(f"({n}, {counted}, {target})" for n, (counted, target) in enumerate(everything))
    rule = CampaignRule(opens_at=opens_at, cutoff_at=cutoff_at)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {pace_sql(rule, at)} FROM (VALUES {values}) pair(n, counted, target) ORDER BY n")
        in_sql = [pace for (pace,) in cursor.fetchall()]
    assert in_sql == [rules.pace(counted, target, opens_at, cutoff_at, at) for counted, target in everything]


days = st.dates(date(2026, 10, 20), date(2026, 12, 5))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(st.none() | days, st.none() | days), min_size=1, max_size=30),
    hours=st.integers(-100, 29 * 24),
)
def test_the_quiet_days_in_sql_are_those_in_python(
    db: None, pairs: list[tuple[date | None, date | None]], hours: int
) -> None:
    rule = CampaignRule(opens_on=date(2026, 11, 1), opens_at=OPENS, cutoff_at=CUTOFF, time_zone="Asia/Shanghai")
    at = OPENS + timedelta(hours=hours)
    quiet = quiet_days_sql(rule, at, "hire.day")
    with connection.cursor() as cursor:
        newest, joined = [newest for newest, _ in pairs], [joined for _, joined in pairs]
        cursor.execute(
            f"""SELECT {quiet} FROM unnest(%s::date[], %s::date[]) WITH ORDINALITY AS hire(last_counted_on, day, n)
                ORDER BY n""",
            [newest, joined],
        )
        in_sql = [count for (count,) in cursor.fetchall()]
    today = rules.day_of(at, rule.time_zone)
    assert in_sql == [
        rules_oracle.quiet_days(last, max(joined or rule.opens_on, rule.opens_on), today) for last, joined in pairs
    ]
