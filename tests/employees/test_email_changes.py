"""New e-mail addresses: when these fail, one person alone has another's links for new passwords mailed to himself."""

import pytest
from django.db import IntegrityError, transaction

from apps.employees.email_changes import has_pending_email_change
from apps.employees.models import Employee
from tests.people import officer

pytestmark = pytest.mark.django_db


def test_nobodys_change_waits_by_itself(alice: Employee) -> None:
    assert not has_pending_email_change(alice.pk)


def test_no_statement_changes_an_address_alone_once_there_is_hr(alice: Employee) -> None:
    officer("hr-1")
    with pytest.raises(IntegrityError, match="second person"), transaction.atomic():
        Employee.objects.filter(pk=alice.pk).update(email="mallory@outside.example.org")
