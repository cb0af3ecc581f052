"""Settings for every gunicorn of Hundred, which reads this file from the directory of its start."""

import os
import re
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from gunicorn.config import AccessLogFormat  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from apps.monitoring.shared_files import prepare_folder, remove_folder

# gunicorn quotes the sender's address and a part of the request.
INVALID_REQUEST = re.compile(r"Invalid request from ip=\S*: ([^'\"]*).*", re.DOTALL)

# gunicorn sets up its log before it imports config.wsgi, which names the settings otherwise.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class OneFormat(Logger):  # type: ignore[misc]
    """Give gunicorn's own lines the format of Hundred's log, without addresses of readers and without queries."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        line = settings.LOGGING["formatters"]["line"]
        formatter = import_string(line["()"])(line["fmt"], style=line["style"])
        for handler in (*self.error_log.handlers, *self.access_log.handlers):
            handler.setFormatter(formatter)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().warning(INVALID_REQUEST.sub(r"Invalid request: \1", msg), *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().exception(msg, *(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in args), **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> None:
        # An operator's own --access-logformat holds what the operator chose.
        if settings.LOG_FORMAT == "text" and self.cfg.access_log_format != AccessLogFormat.default:
            super().access(resp, req, environ, request_time)
        elif self.access_log_enabled:
            atoms = self.atoms(resp, req, environ, request_time)
            fields = {
                "method": atoms["m"], "path": atoms["U"], "status": int(atoms["s"]), "bytes": atoms["B"],
                "milliseconds": atoms["M"], "request_id": atoms.get("{x-request-id}o", ""),
            }  # fmt: skip
            line = "%(method)s %(path)s %(status)s %(bytes)s %(milliseconds)s ms"
            self.access_log.info(line, fields, extra={"fields": fields})


logger_class = OneFormat

# This file is read before any worker process starts.
prepare_folder()


def on_exit(server: Any) -> None:
    remove_folder()
