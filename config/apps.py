from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Makes the Celery app the current one in every process that uses Django, so that no task looks for a default."""

    name = "config"

    def ready(self) -> None:
        # The one registers system checks, the other becomes the current app.
        from config import celery, checks  # noqa: F401
