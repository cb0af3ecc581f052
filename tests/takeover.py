"""T1: the ways in which one person tries to reach another's contacts, or to act as the second person.

A way is one function with `@way(who)`. It does all that this person can do against the running application, and returns
whether it succeeded. `Ground` has what every way needs: the victim, whose contact is a canary; the attacker's own
mailbox with its mails; and the mail system's log with subjects and recipients.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.models import Account, ApprovalRequest
from apps.accounts.services import account_for
from apps.employees.models import Employee
from apps.roster import import_processing, imports
from apps.roster.email_change_mails import mail_address_changes
from apps.roster.models import RosterImport
from tests import people

CANARY = "Canary Grace"
CANARY_PHONE = "+8613912345678"
MALLORY = "mallory.example"
PASSWORD = "seven quiet lanterns by a river"
LINK = re.compile(r"https?://testserver(/set-password/\S+)")


@dataclass
class Ground:
    """The company of every test: Hedda (H001) of HR attacks, Carol (C001) is the second HR user, Alice the victim."""

    as_: Callable[[Employee], Client]
    run_commits: DjangoCaptureOnCommitCallbacks
    people: dict[str, Employee] = field(default_factory=dict)

    def client(self, staff_no: str) -> Client:
        """A browser with this person signed in."""
        return self.as_(people.person(staff_no))

    def load(
        self, rows: str, *, by: str = "H001", head: str = "staff_no,name,email", complete: bool = False
    ) -> RosterImport:
        """The steps of HR to load a file in the browser, with a worker."""
        client = self.client(by)
        sent = SimpleUploadedFile("roster.csv", f"{head}\n{rows}\n".encode())
        address = client.post("/company/roster/", {"file": sent})["Location"]
        load = RosterImport.objects.get(pk=address.split("/")[3])
        if complete:
            client.post(f"{address}look/", {"complete": "yes"})
        import_processing.process_load(load.pk)
        load.refresh_from_db()
        client.post(f"{address}apply/", {"digest": load.digest, "leavers": imports.leavers_to_type(load)})
        import_processing.process_load(load.pk)
        load.refresh_from_db()
        return load

    def preview(self, client: Client, file: str) -> str:
        """The page of a previewed and unconfirmed file, without the values of its form."""
        address = client.post("/company/roster/", {"file": SimpleUploadedFile("roster.csv", file.encode())})["Location"]
        pk = address.split("/")[3]
        import_processing.process_load(RosterImport.objects.get(pk=pk).pk)
        page_text = re.sub(r'value="[^"]*"', "", client.get(address).content.decode())
        return re.sub(r"<time.*?</time>", "", page_text.replace(pk, "LOAD"), flags=re.S)

    def mails_about_addresses(self) -> None:
        """Let a worker send the mails about changed addresses, as beat does."""
        mail_address_changes()

    def forgets(self, name: str) -> None:
        """Request a new password for this person at the sign-in."""
        cache.clear()
        with self.run_commits(execute=True):
            Client().post("/password/forgotten/", {"username": name})

    def links(self) -> list[str]:
        """Links in the attacker's own mailbox, and in the mail system's log."""
        own = [str(message.body) for message in mail.outbox if any(to.endswith(MALLORY) for to in message.to)]
        logged = [f"{message.subject} {message.to}" for message in mail.outbox]
        return [link for text in (*own, *logged) for link in LINK.findall(text)]

    def opens_a_link(self) -> Client | None:
        """The browser in which a link of `links` has set a password and signed a user in."""
        for link in self.links():
            client = Client()
            page = client.get(link, follow=True)
            if page.redirect_chain:
                client.post(page.redirect_chain[-1][0], {"new_password1": PASSWORD, "new_password2": PASSWORD})
            for account in Account.objects.all():
                if account.check_password(PASSWORD) and account.employee:
                    return self.as_(account.employee)
        return None

    def reads_contacts(self, client: Client | None) -> bool:
        """Whether this browser shows the victim's contact."""
        return client is not None and CANARY in client.get("/contacts/").content.decode()

    def takes_over(self, name: str) -> bool:
        """Whether a link for this person's new password reaches the attacker and works."""
        self.forgets(name)
        opened = self.opens_a_link()
        return opened is not None and (self.reads_contacts(opened) or self.is_hr(opened))

    def is_hr(self, client: Client) -> bool:
        return client.get("/company/roster/").status_code == 200

    def request(self) -> ApprovalRequest:
        """The pending request."""
        return ApprovalRequest.objects.get(decision=None)

    def decides(self, client: Client) -> bool:
        """Whether this browser can approve the pending request."""
        request = self.request()
        address = f"/company/approvals/{request.pk}/"
        page = client.get(address)
        digest = page.context["seen"] if page.context and "seen" in page.context else ""
        client.post(f"{address}approve/", {"seen": digest})
        request.refresh_from_db()
        return request.decision == "approved"


@dataclass(frozen=True)
class Way:
    who: str
    tries: Callable[[Ground], bool]

    @property
    def name(self) -> str:
        return f"{self.who}: {self.tries.__name__}"


WAYS: list[Way] = []


def way(who: str) -> Callable[[Callable[[Ground], bool]], Callable[[Ground], bool]]:
    """Register a way of this role."""

    def register(tries: Callable[[Ground], bool]) -> Callable[[Ground], bool]:
        WAYS.append(Way(who, tries))
        return tries

    return register


def account(staff_no: str) -> Account:
    return account_for(people.person(staff_no))
