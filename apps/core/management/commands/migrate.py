"""Django's migrate, as the role that owns the tables; afterwards it grants the application's role its rights."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import connections

from apps.core.db_permissions import grant
from apps.core.identity_key import verify_identity_key


class Command(DjangoMigrate):
    help = "Updates the database as its owner (DATABASE_OWNER_URL), then grants the application's role its rights."

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] == "default" and "owner" in connections:
            options["database"] = "owner"
        super().handle(*args, **options)
        if options["database"] != "owner" or options["app_label"]:
            return
        role = connections["default"].settings_dict["USER"]
        if role and role != connections["owner"].settings_dict["USER"]:
            grant("owner", role)
        verify_identity_key()
