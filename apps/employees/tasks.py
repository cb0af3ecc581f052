"""What Celery runs for people. A task carries an id and calls one service; the broker carries no truth."""

from celery import shared_task

from apps.employees import address_mails, forgotten, security_mail, sessions


@shared_task
def mail_link(account_id: int, employee_id: int, language: str) -> None:
    """Mail a link to set a password to the one who is meant, if there is one."""
    forgotten.mail_link(account_id=account_id, employee_id=employee_id, language=language)


@shared_task
def forget_sessions() -> None:
    """Delete the browsers' sessions that are over."""
    sessions.forget_sessions()


@shared_task
def mail_address_changes() -> None:
    """Tell old addresses of new ones. Given out twice or at once, each is told once; beat asks too."""
    address_mails.mail_address_changes()


@shared_task
def send_security_mails() -> None:
    """Mail the owners of accounts whose password, factor, token, role or address changed."""
    security_mail.send_security_mails()
