"""Rosters that are refused or only tried, and the people whose marks a load re-evaluates."""

import pytest

from apps.accounts.models import Account
from apps.core.models import AuditEntry, OutboxRow
from apps.employees.models import Employee, EmployeeIdentity
from apps.fileio.errors import UnreadableFile
from apps.roster.load_checks import UnloadableRoster
from tests.accounts.access_log_entries import HEADER, boss_of, counts, employed, tree
from tests.fixtures import Clock
from tests.people import ROSTER, load, person


def test_a_cycle_refuses_the_whole_file_and_names_the_people(noon: Clock) -> None:
    with pytest.raises(UnloadableRoster, match="cycle") as refused:
        load(
            HEADER
            + "1,One,1@c.example.com,2\n2,Two,2@c.example.com,3\n3,Three,3@c.example.com,1\n4,Four,4@c.example.com,"
        )
    for staff_no in "123":
        assert staff_no in str(refused.value)
    assert not Employee.objects.exists()


def test_a_cycle_with_people_of_an_earlier_file_is_refused(company: dict[str, Employee]) -> None:
    with pytest.raises(UnloadableRoster, match=r"D001 > \w+ > D001|B001|A001"):
        load(HEADER + "D001,Dana 董,dana@corp.example.com,A001")
    assert boss_of("D001") is None


def test_a_cycle_of_next_month_is_refused_too(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,manager_staff_no,effective_on\n"
    load(header + "B001,Bob 白,bob@corp.example.com,C001,2026-12-05")
    # Today Carol may report to Bob; from 5 December each would report to the other.
    with pytest.raises(UnloadableRoster, match="cycle"):
        load(header + "C001,Carol,carol@corp.example.com,B001,2026-11-10")
    assert boss_of("C001") == "D001"


def test_a_cycle_that_another_move_ends_in_time_is_none(company: dict[str, Employee]) -> None:
    header = "staff_no,name,email,manager_staff_no,effective_on\n"
    load(header + "B001,Bob 白,bob@corp.example.com,C001,2026-12-05")
    load(header + "C001,Carol,carol@corp.example.com,D001,2026-12-05")
    load(header + "B001,Bob 白,bob@corp.example.com,D001,2026-12-05")
    load(header + "C001,Carol,carol@corp.example.com,B001,2026-12-05")
    assert boss_of("C001") == "D001"


def chain(length: int) -> str:
    """Each employee reports to the line before."""
    lines = [f"N{n},New,n{n}@corp.example.com,{f'N{n - 1}' if n else ''}" for n in range(length)]
    return HEADER + "\n".join(lines)


def test_a_line_of_managers_without_end_is_refused_before_a_tree_is_built(noon: Clock) -> None:
    """A tree of ten thousand levels took half a gigabyte and half a minute, and blocked all writers."""
    assert load(chain(101)).created == 101
    with pytest.raises(UnloadableRoster, match="more than 100 levels of managers are below N0") as refused:
        load(chain(102))
    assert refused.value.code == "too_deep"


def test_nobody_is_their_own_manager(noon: Clock) -> None:
    result = load(HEADER + "1,One,1@c.example.com,1")
    assert [reject.code for reject in result.rejects] == ["own_manager"]


@pytest.mark.parametrize(
    ("number", "code"),
    [("a001", "staff_no_taken"), ("operator", "staff_no_taken"), ("OPERATOR", "staff_no_taken"),
     ("N1@corp.example.com", "staff_no_sign")],
)  # fmt: skip
def test_a_new_number_that_is_somebody_elses_sign_in_is_refused(
    company: dict[str, Employee], number: str, code: str
) -> None:
    """Otherwise the new person could sign in as the other one or lock them out."""
    Account.objects.create(login="operator", password="!")
    result = load(HEADER + f"{number},New,new@corp.example.com,\nN002,Two,two@corp.example.com,{number}\n")
    assert [(one.line, one.code) for one in result.rejects] == [(2, code), (3, "manager_rejected")]
    assert not Employee.objects.filter(staff_no=number).exists()


def test_two_new_numbers_that_differ_by_letter_case_alone_are_one_sign_in(noon: Clock) -> None:
    result = load(HEADER + "X1,One,1@c.example.com,\nx1,Two,2@c.example.com,\n")
    assert [(one.line, one.code, one.about) for one in result.rejects] == [(3, "staff_no_taken", "X1")]
    assert counts(result) == {"created": 1, "rejected": 1}


def test_a_number_in_other_letter_case_sends_nobody_away(company: dict[str, Employee]) -> None:
    """A rejected line of a complete file still mentions its person."""
    result = load(ROSTER.replace("A002,Alan", "a002,Alan"), complete=True)
    assert [one.code for one in result.rejects] == ["staff_no_taken"]
    assert employed("A002")


def test_whoever_has_such_a_number_keeps_it(noon: Clock) -> None:
    """A number that was loaded before stays valid."""
    Employee.objects.create(staff_no="one@c.example.com", name="One", email="1@c.example.com")
    assert counts(load(HEADER + "one@c.example.com,One,1@c.example.com,\n")) == {"created": 1}


def test_two_lines_of_one_person_that_disagree_refuse_the_file(noon: Clock) -> None:
    with pytest.raises(UnreadableFile, match=r"lines 2 and 4 disagree about staff number 1 \(One\)"):
        load(HEADER + "1,One,1@c.example.com,\n2,Two,2@c.example.com,\n1,One,1@c.example.com,2")
    assert not Employee.objects.exists()


def test_two_equal_lines_of_one_person_are_one(noon: Clock) -> None:
    assert counts(load(HEADER + "1,One,1@c.example.com,\n1,One,1@C.example.com,")) == {"created": 1, "duplicate": 1}


def test_a_row_that_cannot_be_read_is_named_and_takes_no_neighbour_along(noon: Clock) -> None:
    lines = '1,One,1@c.example.com,\n2,"Two,2@c.example.com,\n3,Three,3@c.example.com,1\n'
    result = load(HEADER + lines + "4," + "x" * 1_000_001 + "\n5,Five,5@c.example.com,1\n")
    assert counts(result) == {"created": 3, "rejected": 2}
    assert [(reject.line, reject.column, reject.code) for reject in result.rejects] == [
        (3, "", "unterminated_quote"), (5, "", "too_long"),
    ]  # fmt: skip
    assert all(reject.reason for reject in result.rejects)
    assert result.read == 5


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_complete_file_with_a_row_that_cannot_be_read_sends_nobody_away(
    company: dict[str, Employee], dry_run: bool
) -> None:
    damaged = ROSTER.replace("A002,Alan", 'A002,"Alan')
    with pytest.raises(UnreadableFile, match=r"line 5: a quote is opened and not closed.*end that person's employment"):
        load(damaged, complete=True, dry_run=dry_run)
    assert employed("A002")
    assert counts(load(damaged)) == {"unchanged": 8, "rejected": 1}
    assert employed("A002")


def test_a_trial_run_changes_nothing_at_all(company: dict[str, Employee]) -> None:
    before = tree(), OutboxRow.objects.count(), AuditEntry.objects.count()
    result = load("staff_no,name,email\nA001,Alice Neu,a@corp.example.com\nN001,New,n@corp.example.com", dry_run=True)
    assert counts(result) == {"created": 1, "updated": 1}
    assert (tree(), OutboxRow.objects.count(), AuditEntry.objects.count()) == before
    assert person("A001").name == "Alice 艾"


def noted() -> set[str]:
    ids = OutboxRow.objects.exclude(employee_id=None).values("employee_id")
    return set(Employee.objects.filter(pk__in=ids).values_list("staff_no", flat=True))


def test_who_joins_moves_or_leaves_is_noted_and_a_new_name_is_not(company: dict[str, Employee]) -> None:
    OutboxRow.objects.all().delete()
    changed = ROSTER.replace("Bob 白,", "Robert,").replace(
        "alan@corp.example.com,,Sales,B001", "alan@corp.example.com,,Sales,C001"
    )
    changed = "".join(line for line in changed.splitlines(keepends=True) if not line.startswith("S001"))
    load(changed + "N001,New,new@corp.example.com,,Sales,B001\n", complete=True)
    assert noted() == {"A002", "S001", "N001"}
    came_or_went = EmployeeIdentity.objects.filter(employee__staff_no__in=["N001", "S001"])
    told = OutboxRow.objects.exclude(kind=None).values_list("kind", "digest")
    assert {(kind, bytes(digest)) for kind, digest in told} == {
        (one.kind, bytes(one.digest)) for one in came_or_went
    }, "whoever has recorded them is judged again"


def test_a_load_stands_in_the_audit_trail(noon: Clock) -> None:
    load(ROSTER)
    entry = AuditEntry.objects.get(action="roster.loaded")
    assert entry.actor_label == "test"
    assert entry.detail["created"] == 9
