"""Personal data moves to the newest key, in batches, while the application writes."""

import base64
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import Identifier
from declarations.models import Declaration, Person
from healthpass.lib.encryption import KEY_ID, DecryptionError, current_key_id
from healthpass.management.commands import rotate_field_key
from tests import factories

pytestmark = pytest.mark.django_db

OLD, NEW, LOST = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def keys(settings):
    settings.FIELD_KEYS = [OLD]
    return settings


def people(count):
    for number in range(1, count + 1):
        account = factories.account(phone=f"+861380000000{number}")
        person = factories.person(holder=account, number=factories.DOCUMENTS[number - 1])
        factories.declaration(person=person, account=account)


def rotate(**options):
    out = StringIO()
    call_command("rotate_field_key", stdout=out, stderr=out, **options)
    return out.getvalue()


def key_ids():
    """The ids of the keys that anything is under."""
    found = set()
    with connection.cursor() as cursor:
        for field in rotate_field_key.encrypted_fields():
            names = rotate_field_key.columns(field)
            cursor.execute("SELECT {value} FROM {table} WHERE {value} IS NOT NULL".format(**names))
            found |= {bytes(value)[:KEY_ID] for (value,) in cursor.fetchall()}
    return found


def test_everything_moves_to_the_newest_key(keys):
    people(3)
    keys.FIELD_KEYS = [NEW, OLD]
    assert key_ids() != {current_key_id()}
    out = rotate(batch=2)
    assert "accounts.identifier.value: 2\naccounts.identifier.value: 3\n" in out
    assert out.endswith("Nothing is left under an older key.\n")
    assert key_ids() == {current_key_id()}
    keys.FIELD_KEYS = [NEW]
    assert [identifier.value[-1] for identifier in Identifier.objects.order_by("pk")] == ["1", "2", "3"]
    assert {person.name for person in Person.objects.all()} == {"张三丰"}
    assert {declaration.address for declaration in Declaration.objects.all()} == {"中山路1号"}


def test_every_encrypted_field_is_covered():
    labels = {field.label for field in rotate_field_key.encrypted_fields()}
    assert {
        "accounts.identifier.value",
        "accounts.onetimecode.value",
        "declarations.person.name",
        "declarations.person.document_number",
        "declarations.person.birth_date",
        "declarations.declaration.phone",
        "declarations.declaration.address",
        "declarations.declaration.other_symptoms",
    } <= labels


def test_second_run_has_nothing_to_do(keys):
    people(1)
    keys.FIELD_KEYS = [NEW, OLD]
    rotate()
    before = Identifier.objects.raw("SELECT id, value AS cipher FROM accounts_identifier")[0].cipher
    assert rotate() == "Nothing is left under an older key.\n"
    assert Identifier.objects.raw("SELECT id, value AS cipher FROM accounts_identifier")[0].cipher == before


def test_run_that_was_stopped_goes_on(keys, monkeypatch):
    people(3)
    keys.FIELD_KEYS = [NEW, OLD]
    write = rotate_field_key.write
    written = []

    def stop_at_third(field, changes):
        if len(written) == 2:
            raise KeyboardInterrupt
        write(field, changes)
        written.append(field)

    monkeypatch.setattr(rotate_field_key, "write", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        rotate(batch=1)
    monkeypatch.setattr(rotate_field_key, "write", write)
    assert "accounts.identifier.value: 1\n" in rotate()
    assert key_ids() == {current_key_id()}


def test_what_the_application_writes_meanwhile_stays(keys):
    people(1)
    keys.FIELD_KEYS = [NEW, OLD]
    identifier = Identifier.objects.get()
    field = Identifier._meta.get_field("value")
    ((pk, old),) = rotate_field_key.stale_rows(field, None, 10)
    identifier.value = "+8613900000009"
    identifier.save()
    rotate_field_key.write(field, [(b"stale", pk, old)])
    identifier.refresh_from_db()
    assert identifier.value == "+8613900000009"


def test_value_under_a_lost_key_is_reported_and_the_others_move(keys):
    keys.FIELD_KEYS = [LOST]
    factories.account(phone="+8613800000001")
    keys.FIELD_KEYS = [OLD]
    factories.account(phone="+8613800000002")
    keys.FIELD_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match="1 values are under a key that FIELD_KEYS lacks"):
        rotate(batch=1)
    lost, moved = Identifier.objects.defer("value").order_by("pk")
    assert moved.value == "+8613800000002"
    with pytest.raises(DecryptionError):
        lost.value  # noqa: B018
