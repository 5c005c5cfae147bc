"""The settings of the tests: the project's own, with development's stand-ins for secrets."""

import os

os.environ.setdefault("DEBUG", "true")

from healthpass.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
