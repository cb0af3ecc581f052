from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Makes the Celery app the current one in every process with Django, so that no task uses a default app."""

    name = "config"

    def ready(self) -> None:
        from config import celery  # noqa: F401
