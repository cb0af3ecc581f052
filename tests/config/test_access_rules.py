"""Pages and API reach employees and contacts only by the querysets of what a user may see.

Read from the source: a page that selects employees in another way fails here, before it leaks data.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR

DOORS = ("dashboard", "api")
# For each model: the allowed calls on its manager. Employees by visibility, contacts by their owner.
SETS = {
    # The last: for operators, who manage accounts and see no numbers.
    "Employee": {"visible_to", "teams_visible_to", "with_accounts_managed_by"},
    "Contact": {"of"},
    "ApiToken": {"of"},
    "Export": {"visible_to"},
    "WebhookEndpoint": {"visible_to"},
}
# Own data, filtered by its owner in the same call: the keyword that names the owner.
OWNED = {
    "Submission": "employee", "ContactIdentity": "employee", "StoredFile": "owner_id", "AnnouncementRead": "employee",
}  # fmt: skip
# Never from an interface: apps.reports gives counts and facts for the people it receives.
NEVER = {"Standing", "DailyCount", "TreeNode", "Placement", "Employment", "EmployeeIdentity", "Account"}
# Exceptions, each with its reason.
ALLOWED = {
    ("dashboard/views/people.py", "Employee.find"): "a full staff number or e-mail address of HR's and managers' forms",
    ("dashboard/views/company/adjustment.py", "Employee.filter"): "an employee of a request, on HR's page about it",
    ("dashboard/views/company/reviews.py", "Employee.employed_at"): "a condition of HR's list, no list of people",
    ("dashboard/views/company/company.py", "TreeNode.exclude"): "the names of departments, for HR's form",
    ("dashboard/installation_state.py", "WebhookEndpoint.filter"): "for operators, who see all of them",
    ("dashboard/labels/approval_details.py", "Account.select_related"): "the account of a request, for its deciders",
    ("dashboard/views/operator/accounts.py", "Account.filter"): "of people that the operator may manage",
    ("dashboard/views/operator/accounts.py", "Employee.employed_at"): "a condition of the operator's list",
    ("dashboard/views/contacts/import_preview.py", "Submission.filter file"): "a condition on the reader's own files",
}
COMMANDS = "management"


def queries_in(path: Path) -> Iterator[tuple[str, str, set[str], int]]:
    """(model, first call on its manager, keywords of that call, line) of every `Model.objects...` in a file."""
    parents: dict[ast.AST, ast.AST] = {}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            parents[child] = node
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager", "_base_manager")):
            continue
        model = ast.unparse(node.value).rpartition(".")[2]
        call, keywords, above = "", set[str](), parents.get(node)
        # Chains such as .select_related(...).filter(...) do not narrow before they filter.
        while isinstance(above, ast.Attribute):
            parent = parents.get(above)
            if not isinstance(parent, ast.Call):
                break
            call = call or above.attr
            keywords |= {keyword.arg or "**" for keyword in parent.keywords}
            above = parents.get(parent)
        yield model, call, keywords, node.lineno


def files() -> list[Path]:
    return [
        path for door in DOORS for path in sorted((BASE_DIR / "apps" / door).rglob("*.py"))
        if COMMANDS not in path.parts and "migrations" not in path.parts
    ]  # fmt: skip


def violations(paths: list[Path]) -> list[str]:
    """The calls of an interface that are not allowed."""
    messages = []
    for path in paths:
        place = path.relative_to(BASE_DIR / "apps").as_posix() if path.is_relative_to(BASE_DIR) else path.name
        for model, call, keywords, line in queries_in(path):
            owned = OWNED.get(model)
            wrong = (
                model in NEVER
                or (model in SETS and call not in SETS[model])
                or (owned is not None and owned not in keywords)
            )
            named = {(place, f"{model}.{call}"), (place, f"{model}.{call} {' '.join(sorted(keywords))}")}
            if wrong and not named & set(ALLOWED):
                messages.append(f"{place}:{line} calls {model}.objects.{call}({', '.join(sorted(keywords))})")
    return messages


def test_interfaces_select_only_visible_employees() -> None:
    assert violations(files()) == []


def test_no_interface_uses_sql() -> None:
    """SQL ignores the user's permissions."""
    spoken = [
        path.relative_to(BASE_DIR).as_posix()
        for path in files()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if _speaks(node)
    ]
    assert spoken == []


def _speaks(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom) and node.module == "django.db":
        return bool({alias.name for alias in node.names} & {"connection", "connections"})
    if isinstance(node, ast.Name):
        return node.id == "RawSQL"
    asks = isinstance(node, ast.Attribute) and node.attr in ("raw", "extra")
    return asks and ast.unparse(node).rpartition(".")[0].endswith("objects")


@pytest.mark.parametrize(
    "line",
    [
        "Employee.objects.all()",
        "Employee.objects.filter(staff_no='A001')",
        "Employee.objects.select_related('node').get(pk=1)",
        "Contact.objects.filter(employee=1)",
        "Contact.objects.get(pk=1)",
        "ContactIdentity.objects.filter(value='x')",
        "Submission.objects.filter(pk=1)",
        "StoredFile.objects.get(pk=1)",
        "AnnouncementRead.objects.filter(announcement=1)",
        "Standing.objects.filter(red=True)",
        "ApiToken.objects.filter(pk=1)",
        "models.Employee.objects.all()",
    ],
)
def test_another_access_path_would_be_detected(tmp_path: Path, line: str) -> None:
    (tmp_path / "view.py").write_text(line, encoding="utf-8")
    assert violations([tmp_path / "view.py"])


def test_every_exception_is_still_needed() -> None:
    used = set()
    for path in files():
        place = path.relative_to(BASE_DIR / "apps").as_posix()
        for model, call, keywords, _line in queries_in(path):
            used |= {(place, f"{model}.{call}"), (place, f"{model}.{call} {' '.join(sorted(keywords))}")}
    assert set(ALLOWED) <= used
