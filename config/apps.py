from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Makes the Celery app the current one in every process that uses Django, so that no task looks for a default."""

    name = "config"

    def ready(self) -> None:
        from config import celery  # noqa: F401
