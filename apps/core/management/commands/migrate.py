"""Django's migrate, as the role that owns the tables; afterwards it grants the application's role its rights."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections

from apps.core.db_permissions import grant_permissions
from apps.core.identity_key import verify_identity_key


class Command(DjangoMigrate):
    help = "Updates the database as its owner (DATABASE_OWNER_URL), then grants the application's role its rights."

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] == "default" and "owner" in connections:
            options["database"] = "owner"
        super().handle(*args, **options)
        # A partial migration may lack tables that the grants name.
        if options["database"] != "owner" or options["app_label"]:
            return
        grant_permissions()
        # The first start stores the check value of the key: a later start with another key is then refused.
        verify_identity_key()
