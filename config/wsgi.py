"""The WSGI application: `gunicorn config.wsgi`."""

import gc
import logging
import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection
from django.template import TemplateSyntaxError

from apps.dashboard.template_constants import prerender_templates

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

from apps.accounts.checks import usable_list_of_passwords  # noqa: E402 - models can be read only now
from apps.core.identity_key import verify_identity_key  # noqa: E402

# Commands and workers run the system checks; a web server does not.
if faults := usable_list_of_passwords(None):
    raise ImproperlyConfigured(str(faults[0]))

# Refuse to serve with another key: no stored identity would match. While the database is unreachable, the first
# identity is checked instead.
try:
    verify_identity_key()
except DatabaseError:
    logging.getLogger(__name__).warning("No database yet: the identity key is checked with the first contact")
finally:
    connection.close()

# Load all URLs and templates, or the first user of each process waits for them. During an update a template may name a
# static file that is not collected yet: only that page fails.
try:
    prerender_templates()
except (ValueError, TemplateSyntaxError):
    logging.getLogger(__name__).exception("A page cannot be drawn; `manage.py collectstatic` collects what pages need")

# Objects loaded at the start are permanent: the garbage collector skips them, and workers share their memory.
gc.collect()
gc.freeze()
