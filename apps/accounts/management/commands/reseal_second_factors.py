from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from apps.accounts.models import Account
from apps.accounts.second_factors import reencrypt_factors
from apps.core.management.base import AppCommand


class Command(AppCommand):
    help = "Encrypts second factors again with the new SECRET_KEY, while SECRET_KEY_FALLBACKS has the old one."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SECRET_KEY_FALLBACKS:
            raise CommandError(
                "SECRET_KEY_FALLBACKS is not set, so nothing that was encrypted with another key can be read."
            )
        holders = Account.objects.filter(authenticator__isnull=False).distinct().order_by("pk")
        resealed = sum(reencrypt_factors(account=account, by=self.actor) for account in holders)
        self.print_result(
            options, {"resealed": resealed}, f"Encrypted the second factors of {resealed} people with the new key."
        )
