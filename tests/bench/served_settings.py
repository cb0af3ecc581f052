"""The settings of a stack under load: production's, and one additional view for comparison."""

from config.settings import *  # noqa: F403
from config.settings import STORAGES

ROOT_URLCONF = "tests.bench.served_urls"
# Named by their content as on servers. No request fetches them here, so nothing is compressed.
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
