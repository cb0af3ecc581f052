"""Settings for every gunicorn of Hundred, which reads this file from the directory of its start."""

from typing import Any

from django.conf import settings
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from apps.core.log_format import LineFormatter


class OneFormat(Logger):  # type: ignore[misc]
    """Give gunicorn's own lines the format of Hundred's log."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        line = settings.LOGGING["formatters"]["line"]
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(LineFormatter(line["fmt"], style=line["style"]))


logger_class = OneFormat
