"""What every gunicorn of Hundred shares: it reads this file from the directory it is started in."""

from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from apps.core.log_format import Line


class OneFormat(Logger):  # type: ignore[misc]
    """gunicorn's own lines look like those of the program: one log, one format."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        told = settings.LOGGING["formatters"]["line"]
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(Line(told["fmt"], style=told["style"]))


logger_class = OneFormat
