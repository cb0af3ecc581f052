from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "apps.exports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.exports import checks  # noqa: F401 # importing registers the checks
