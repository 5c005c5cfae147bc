"""Fixtures for every test: partitions for the scan table, clients that read English, a phone that receives messages."""

import gc
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck, settings

from passcodes import rules
from tests import audit_doors

# How fast a machine is, and what else runs on it, is no fault of what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """What is loaded by now stays: looking through it for garbage again and again takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Chinese pages show the translations as they stand in the .po file; written once, before processes share them."""
    if hasattr(session.config, "workerinput"):
        return
    call_command("compile_translations", stdout=io.StringIO())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What only PostgreSQL can do is not asked of SQLite."""
    if connection.vendor == "postgresql":
        return
    others = [item for item in items if item.get_closest_marker("postgresql")]
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """On PostgreSQL, today's partitions of the scan table. Between tests that commit, the audit is emptied too."""
    with django_db_blocker.unblock():
        call_command("partitions", verbosity=0)
    audit_doors.open_for_flush()


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """Whatever a test calls without a request answers in English, whether or not an earlier test asked for Chinese."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def rules_read_anew() -> None:
    """A test that is rolled back gives its version numbers free, which no process ever sees otherwise."""
    rules.in_force.cache_clear()
    rules.words_released.cache_clear()


@pytest.fixture(autouse=True)
def nothing_cached() -> None:
    """What everybody may see is kept for a minute."""
    cache.clear()


@pytest.fixture
def short_texts(monkeypatch) -> None:
    """Normalising refuses what is long enough to keep a server busy: the square of the length counts."""
    normalize = unicodedata.normalize

    def checked(form: str, text: str) -> str:
        assert len(text) <= 400
        return normalize(form, text)

    monkeypatch.setattr(unicodedata, "normalize", checked)


@pytest.fixture
def client() -> Client:
    """A browser that asks for English pages."""
    return Client(headers={"accept-language": "en"})


class Outbox:
    """What was sent, read from the file that SMS_URL names."""

    def __init__(self, path: Path):
        self.path = path

    @property
    def messages(self) -> list[dict]:
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    @property
    def digits(self) -> str:
        """The code in the latest message."""
        return re.search(r"\d{6}", self.messages[-1]["text"])[0]


@pytest.fixture
def outbox(settings, tmp_path) -> Outbox:
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return Outbox(tmp_path / "outbox.jsonl")
