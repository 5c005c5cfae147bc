"""How fast the hot paths are, and how much a worker weighs: `make bench`.

Importing this package sets Django up as in production, on a database of its own beside the one that DATABASE_URL names.
"""

import os
from urllib.parse import urlsplit

import django
import psycopg

from tests.production import environment

HOST = "pass.example.cn"
DATABASE = f"healthpass_bench_{os.getpid()}"
SERVER_URL = os.environ["DATABASE_URL"]

with psycopg.connect(SERVER_URL, autocommit=True) as _server:
    _server.execute(f"CREATE DATABASE {DATABASE}")

os.environ.update(
    environment(
        DATABASE_URL=urlsplit(SERVER_URL)._replace(path=f"/{DATABASE}").geturl(),
        ALLOWED_HOSTS=HOST,
        PUBLIC_URL=f"https://{HOST}",
        DJANGO_SETTINGS_MODULE="healthpass.settings",
    )
)
django.setup()


def drop_database() -> None:
    """Remove what importing this package has made."""
    with psycopg.connect(SERVER_URL, autocommit=True) as server:
        server.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
