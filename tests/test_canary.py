"""What is known of a person stays where it belongs: known values are sown, the main path is walked, then searched for.

Sown in full are name, document number, phone, street and symptoms of a resident. They may be read nowhere but on the
form that the resident fills in: not in addresses, logs, other pages, sessions, the QR or any plain column.
"""

import io
import json
import logging
import re

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone

from passcodes import keys, tokens
from passcodes.models import PassCode
from scanning import ids
from tests import factories

NAME, NUMBER, STREET, SYMPTOMS = "欧阳金丝雀", "210102195003070021", "金丝雀胡同88号", "金丝雀般的咳嗽"
PHONE = "13912345678"
SECRETS = (NAME, NUMBER, STREET, SYMPTOMS, PHONE, "金丝雀")


def found_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


class Walk:
    """A browser that remembers every address and every page."""

    def __init__(self, language="zh-hans"):
        self.client = Client(headers={"accept-language": language}, raise_request_exception=False)
        self.pages: list[tuple[str, str]] = []
        self.addresses: list[str] = []

    def __call__(self, method, path, data=None, **options):
        response = getattr(self.client, method)(path, data, **options)
        self.addresses += [path, response.headers.get("Location", "")]
        self.pages.append((f"{method} {path}", response.content.decode(errors="replace")))
        return response


@pytest.fixture
def outbox(settings, tmp_path):
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return tmp_path / "outbox.jsonl"


def code_in(outbox):
    return re.search(r"\d{6}", json.loads(outbox.read_text(encoding="utf-8").splitlines()[-1])["text"])[0]


ANSWERS = {
    "version": "1",
    "phone": PHONE,
    "name": NAME,
    "document_kind": "01",
    "document_number": NUMBER,
    "sex": "2",
    "birth_date": "1950-03-07",
    "province": "210000",
    "county": "210102",
    "address": STREET,
    "travel": "no",
    "contact": "no",
    "temperature": "no",
    "other_symptoms": SYMPTOMS,
    "affirmation": "on",
}


@pytest.mark.django_db(transaction=True)
def test_nothing_personal_leaks_on_the_main_path(outbox, caplog):
    caplog.set_level(logging.DEBUG)
    handler = logging.StreamHandler(log := io.StringIO())
    logging.getLogger().addHandler(handler)
    resident, scanner, admin = Walk(), Walk(), Walk()
    try:
        code = declare(resident, outbox)
        scan_it(scanner, code)
        look_it_up(admin)
        stumble(resident, scanner, admin)
    finally:
        logging.getLogger().removeHandler(handler)

    assert found_in("\n".join([*resident.addresses, *scanner.addresses, *admin.addresses])) == []
    assert found_in(caplog.text + log.getvalue()) == []
    pages = resident.pages[4:] + scanner.pages + admin.pages  # before: sign-in, which shows the phone being typed
    leaks = [(where, found) for where, html in pages if (found := found_in(html)) and "/declare/" not in where]
    assert leaks == []
    for session in Session.objects.all():
        assert found_in(json.dumps(session.get_decoded(), ensure_ascii=False)) == []
    assert columns_with_secrets() == []


def declare(resident, outbox) -> PassCode:
    resident("post", "/login/", {"phone": PHONE})
    resident("post", "/login/code/", {"code": code_in(outbox)})
    resident("get", "/declare/")
    response = resident("post", "/declare/", ANSWERS)
    assert response.headers["Location"] == "/code/"
    resident("get", resident("get", "/code/").headers["Location"])
    code = PassCode.objects.get()
    token = resident("get", f"/code/{code.public_id}/token").json()["token"]
    assert tokens.read(token, keys.ring(), timezone.now()).pass_id == code.public_id
    for path in ("/", "/declare/", "/agreement/", "/code/offline/", "/sw.js"):
        resident("get", path)
    return code


def scan_it(scanner, code):
    account = factories.account(phone="+8613800000009")
    factories.pass_code(account=account, number=factories.DOCUMENTS[1], name="李四")
    institution = factories.institution()
    factories.member(institution=institution, account=account)
    door = factories.entrance(institution=institution)
    scanner.client.force_login(account, backend="accounts.backends.OneTimeCodeBackend")
    scanner.client.cookies["scan_key"] = factories.device_key(account=account)
    now = timezone.now()
    token = tokens.sign(code.public_id, 0, keys.signing_key(now), now)
    body = {"id": str(ids.new_id(now)), "token": token, "entrance": door.pk, "temperature": 36.5}
    response = scanner(
        "post",
        "/scan/check",
        json.dumps(body),
        content_type="application/json",
        headers={"origin": "http://testserver"},
    )
    assert response.json()["name"] == "欧****"
    scanner("get", f"/c/{token}")
    scanner("get", "/scan/")


def look_it_up(admin):
    officer = factories.account(phone="+8613800000007", is_officer=True)
    admin.client = factories.staff_client(account=officer)
    admin("post", "/admin/declarations/person/", {"search": NAME})
    person = PassCode.objects.get(
        person__document_hash__isnull=False, person__holder__identifiers__hash=holder()
    ).person
    for path in ("person/", f"person/{person.pk}/change/", f"person/{person.pk}/history/", "declaration/"):
        admin("get", f"/admin/declarations/{path}")
    admin("get", "/admin/accounts/auditentry/")


def holder():
    return factories.identifier_hash("phone", f"+86{PHONE}")


def stumble(*walkers):
    """Error pages."""
    for walk in walkers:
        walk("get", "/nowhere/")
        walk("post", "/login/", {"phone": "12345678901"})


def columns_with_secrets() -> list[str]:
    """Table and column of every value in the database, hashes and ciphertext included, that contains a secret."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if not model._meta.managed or model._meta.proxy:
                continue
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    text = (
                        bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else str(value)
                    )
                    if found_in(text):
                        found.append(f"{model._meta.db_table}.{name}")
    return found


def test_a_secret_in_a_plain_column_would_be_found(db):
    """The search itself works."""
    factories.entrance(institution=factories.institution(), name="金丝雀门")
    assert columns_with_secrets() == ["institutions_entrance.name"]


def test_settings_name_no_personal_data_to_keep():
    assert set(settings.AXES_SENSITIVE_PARAMETERS) >= {"phone", "password", "digits"}
