from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "apps.ledger"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.ledger import checks  # noqa: F401 - registered by being read, once the apps are
