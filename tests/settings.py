"""The settings of the tests: the project's own, with development's stand-ins for secrets."""

import os

os.environ.setdefault("DEBUG", "true")

from healthpass.settings import *  # noqa: E402, F403
from healthpass.settings import BASE_DIR  # noqa: E402

(BASE_DIR / "var").mkdir(exist_ok=True)  # for SQLite's test database

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
