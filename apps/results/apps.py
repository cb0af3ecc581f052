from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "apps.results"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.results import closing_approvals  # noqa: F401 # registers what is approved
