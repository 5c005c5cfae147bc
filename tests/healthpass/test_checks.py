"""Every missing or weak setting is named before it does harm."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core import checks
from django.core.management import CommandError, call_command

from passcodes import tokens
from tests.production import environment, token_key

GOOD = {
    "DEBUG": False,
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN",
    "ALLOWED_HOSTS": ["pass.example.cn"],
    "PUBLIC_URL": "https://pass.example.cn",
    "FIELD_KEYS": ["ZGV2ZWxvcG1lbnQtb25seS1maWVsZC1rZXktMDAwMDE="],
    "LOOKUP_KEY": "0123456789abcdefghijklmnopqrstuv",
    "SMS_URL": "https://key@sms.example.cn/send",
    "IDENTITY_URL": "https://key@identity.example.cn/check",
    "TRUSTED_PROXIES": 1,
}
PRODUCTION_ONLY = [
    ("SECRET_KEY", "short", "healthpass.E001"),
    ("SECRET_KEY", "abcd" * 20, "healthpass.E001"),
    ("LOOKUP_KEY", "short", "healthpass.E002"),
    ("PUBLIC_URL", "http://pass.example.cn", "healthpass.E008"),
    ("PUBLIC_URL", "https://example.cn/pass", "healthpass.E008"),
    ("SMS_URL", "console:", "healthpass.E011"),
    ("SMS_URL", "file:/tmp/outbox.jsonl", "healthpass.E011"),
    ("IDENTITY_URL", "accept:", "healthpass.E012"),
    ("SMS_URL", "https://sms.example.cn/send", "healthpass.E013"),
    ("IDENTITY_URL", "https://identity.example.cn/", "healthpass.E013"),
    ("ALLOWED_HOSTS", [], "healthpass.E016"),
    ("ALLOWED_HOSTS", ["*"], "healthpass.E016"),
    ("TRUSTED_PROXIES", 0, "healthpass.W002"),
]
ALWAYS = [
    ("FIELD_KEYS", [""], "healthpass.E003"),
    ("FIELD_KEYS", ["not base64!"], "healthpass.E003"),
    ("FIELD_KEYS", ["c2hvcnQ="], "healthpass.E003"),
    ("TOKEN_KEYS", "nonsense", "healthpass.E004"),
    ("TOKEN_KEYS", "01:2026-01-01::bm8gZGVy", "healthpass.E004"),
    ("TOKEN_KEYS", "", "healthpass.E005"),
    ("TOKEN_KEYS", token_key(not_before="2999-01-01"), "healthpass.E005"),
    ("TOKEN_KEYS", f"{token_key()},{token_key(kid='02', retired='2025-12-31')}", "healthpass.E006"),
    ("TOKEN_KEYS", f"{token_key()},{token_key(kid='02', not_before='2026-02-01')}", "healthpass.E007"),
    ("PUBLIC_URL", "https://a-rather-long-host.example.cn", "healthpass.W001"),
    ("SMS_URL", "smtp://host", "healthpass.E009"),
    ("IDENTITY_URL", "nobody", "healthpass.E010"),
    ("NATIONAL_URL", "https://national.example.cn/", "healthpass.E018"),
    ("NATIONAL_URL", "accept:", "healthpass.E018"),
    ("TRUSTED_PROXIES", -1, "healthpass.E015"),
    ("FACE_LIMITS", "same=0.9", "healthpass.E017"),
]


@pytest.fixture
def production(settings, monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    settings.TOKEN_KEYS = token_key()
    for name, value in GOOD.items():
        setattr(settings, name, value)
    return settings


def problems():
    """Our own messages, by id."""
    return {message.id: message for message in checks.run_checks() if message.id.startswith("healthpass.")}


def test_good_production_has_no_problem(production):
    assert problems() == {}


@pytest.mark.parametrize(("name", "value", "expected"), PRODUCTION_ONLY + ALWAYS)
def test_mistake_in_production_is_named(production, name, value, expected):
    setattr(production, name, value)
    assert list(problems()) == [expected]
    assert name in problems()[expected].msg


def test_sqlite_is_for_development(production, monkeypatch):
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert "DATABASE_URL" in problems()["healthpass.E014"].msg
    production.DEBUG = True
    assert problems() == {}


@pytest.mark.parametrize(("name", "value", "expected"), PRODUCTION_ONLY)
def test_stand_ins_serve_development(production, name, value, expected):
    production.DEBUG = True
    setattr(production, name, value)
    assert problems() == {}


@pytest.mark.parametrize(("name", "value", "expected"), ALWAYS)
def test_malformed_settings_are_named_in_development_too(production, name, value, expected):
    production.DEBUG = True
    setattr(production, name, value)
    assert list(problems()) == [expected]


def test_no_key_is_shown_in_a_message(production):
    production.TOKEN_KEYS = "01:2026-01-01::c2VjcmV0LWtleQ=="
    assert "c2VjcmV0LWtleQ" not in str(problems()["healthpass.E004"])


def manage(*command, **variables):
    """A manage.py command in a made-up production environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *command], env=environment(**variables), capture_output=True, text=True
    )


def test_complete_production_passes_check_deploy():
    result = manage("check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "PUBLIC_URL", "FIELD_KEYS", "LOOKUP_KEY", "TOKEN_KEYS", "SMS_URL", "IDENTITY_URL"]
)
def test_missing_secret_is_named(name, tmp_path):
    variables = environment()
    del variables[name]
    result = subprocess.run([sys.executable, "manage.py", "check"], env=variables, capture_output=True, text=True)
    assert result.returncode != 0
    assert name in result.stderr


def test_env_example_explains_every_variable():
    text = Path(".env.example").read_text(encoding="utf-8")
    assert [name for name in environment() if f"\n{name}=" not in text] == []


def rotate(capsys, *arguments) -> str:
    call_command("rotate_token_key", *arguments)
    return capsys.readouterr().out.strip()


def test_rotation_puts_a_new_key_in_front(production, capsys, time_machine):
    time_machine.move_to(datetime(2026, 11, 24, 12, tzinfo=UTC))
    old = production.TOKEN_KEYS
    value = rotate(capsys)
    assert value.startswith("02:2026-11-24::")
    assert value.endswith(f",{old}")
    production.TOKEN_KEYS = value
    assert problems() == {}


def test_first_key_needs_no_earlier_one(production, capsys):
    production.TOKEN_KEYS = ""
    production.TOKEN_KEYS = rotate(capsys)
    assert production.TOKEN_KEYS.startswith("01:")
    assert problems() == {}


def test_rotation_takes_a_free_kid(production, capsys):
    production.TOKEN_KEYS = ",".join([token_key("ff"), token_key("00"), token_key("01")])
    assert rotate(capsys).startswith("02:")


def test_rotation_leaves_out_keys_whose_codes_have_died(production, capsys):
    production.TOKEN_KEYS = ",".join([token_key("02"), token_key("01", not_before="2025-01-01", retired="2026-01-01")])
    assert [entry[:2] for entry in rotate(capsys).split(",")] == ["03", "02"]


def test_withdrawn_key_is_retired_when_the_new_one_begins(production, capsys):
    value = rotate(capsys, "--not-before", "2999-01-01", "--withdraw", "01")
    keys = tokens.parse_keys(value, 210000)
    assert [(key.kid, str(key.not_before), str(key.retired)) for key in keys] == [
        ("02", "2999-01-01", "None"),
        ("01", "2026-01-01", "2999-01-01"),
    ]


def test_unknown_kid_cannot_be_withdrawn(production):
    with pytest.raises(CommandError, match="no key 7f"):
        call_command("rotate_token_key", "--withdraw", "7F")


def test_unreadable_keys_are_not_rotated(production):
    production.TOKEN_KEYS = "nonsense"
    with pytest.raises(CommandError, match="TOKEN_KEYS"):
        call_command("rotate_token_key")
