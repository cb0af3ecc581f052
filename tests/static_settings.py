"""Settings for tools that only read the code (the type checker): nothing is started, nothing is secret."""

import os

os.environ["HUNDRED_LOCAL"] = "1"
os.environ["HUNDRED_ENV_FILE"] = ""

from config.settings import *  # noqa: F403
