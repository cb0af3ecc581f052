"""The settings of a house under load: production's, and beside its pages one view to compare them with."""

from config.settings import *  # noqa: F403
from config.settings import STORAGES

ROOT_URLCONF = "tests.bench.served_urls"
# Named by their content as on servers. Nobody asks for them here, so nothing is compressed.
STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
