"""The WSGI application: `gunicorn config.wsgi`."""

import gc
import logging
import os
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection
from django.template import Engine, TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils.translation import override

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from apps.accounts.checks import check_breached_passwords_file  # noqa: E402 - models can be read only now
from apps.core.identity_key import verify_identity_key  # noqa: E402

# Commands and workers run the system checks; a web server does not.
if faults := check_breached_passwords_file(None):
    raise ImproperlyConfigured(str(faults[0]))

# Refuse to serve with another key: no stored identity would match. While the database is unreachable, the first
# identity is checked instead.
try:
    verify_identity_key()
except DatabaseError:
    logging.getLogger(__name__).warning("No database yet: the identity key is checked with the first contact")
finally:
    connection.close()


def _warm_up() -> None:
    """Load templates, URLs and languages, or the first user of each process waits for them."""
    engine = Engine.get_default()
    for folder in map(Path, engine.dirs):
        for page in folder.rglob("*.html"):
            engine.get_template(page.relative_to(folder).as_posix())
    for language, _name in settings.LANGUAGES:
        with override(language):
            render_to_string("404.html")


# During an update a template may name a static file that is not collected yet: the process starts nevertheless.
try:
    _warm_up()
except (ValueError, TemplateSyntaxError):
    logging.getLogger(__name__).exception("A page cannot be drawn; `manage.py collectstatic` collects what pages need")

# Objects loaded at the start are permanent: the garbage collector skips them, and workers share their memory.
gc.collect()
gc.freeze()
