"""Fixtures for every test: partitions for the scan table, and clients that read English."""

import io
import unicodedata
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from tests import audit_doors


def pytest_sessionstart(session: pytest.Session) -> None:
    """Chinese pages show the translations as they stand in the .po file; written once, before processes share them."""
    if hasattr(session.config, "workerinput"):
        return
    call_command("compile_translations", stdout=io.StringIO())


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
