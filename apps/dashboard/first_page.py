"""The page that a sign-in leads to: the chosen one while the reader can open it, else the usual one for the role."""

from apps.accounts.models import Account

FirstPage = Account.FirstPage


def first_page(account: Account) -> str:
    """The name of the page's address."""
    open_to_reader = first_pages(account)
    return account.first_page if account.first_page in open_to_reader else open_to_reader[0]


def first_pages(account: Account) -> list[str]:
    """The pages to choose from, the usual one for the reader's role first."""
    employee = account.employee
    leads = employee is not None and employee.is_manager
    pages = {
        FirstPage.COMPANY: account.has_role("hr") or (employee is None and account.has_role("auditor")),
        FirstPage.TEAM: leads,
        FirstPage.STANDING: True,
    }
    usual = [page.value for page, is_usual in pages.items() if is_usual]
    # A deputy can begin with a team, and an auditor with the company, but usually has an own number to watch.
    possible = {FirstPage.TEAM: account.is_deputy, FirstPage.COMPANY: account.has_role("auditor")}
    return usual + [page.value for page, is_possible in possible.items() if is_possible and page.value not in usual]
