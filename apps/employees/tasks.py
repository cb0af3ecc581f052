"""What Celery runs for people. A task carries an id and calls one service; the broker carries no truth."""

import uuid

from celery import shared_task

from apps.employees import forgotten, loads, sessions


@shared_task
def work_on_load(load_id: str) -> None:
    """Look at a roster that was sent, or apply one that was confirmed."""
    loads.work_on(uuid.UUID(load_id))


@shared_task
def mail_link(account_id: int, employee_id: int, language: str) -> None:
    """Mail a link to set a password to the one who is meant, if there is one."""
    forgotten.mail_link(account_id=account_id, employee_id=employee_id, language=language)


@shared_task
def forget_sessions() -> None:
    """Delete the browsers' sessions that are over."""
    sessions.forget_sessions()
