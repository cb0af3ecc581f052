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

# With another key nobody would be recognised again: refuse to serve. While the database is away the first identity
# that comes along is checked instead.
try:
    verify_identity_key()
except DatabaseError:
    logging.getLogger(__name__).warning("No database yet: the identity key is checked with the first contact")
finally:
    connection.close()

# Every address and every page: else the first reader of each process waits for them. In the middle of an update a page
# may name a file that is not collected yet: that page fails, and not the process.
try:
    prerender_templates()
except (ValueError, TemplateSyntaxError):
    logging.getLogger(__name__).exception("A page cannot be drawn; `manage.py collectstatic` collects what pages need")

# What was read at the start stays for good: no collection looks through it again, and workers go on sharing it.
gc.collect()
gc.freeze()
