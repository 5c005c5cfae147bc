"""A province in small: 100,000 people with their declarations and codes, risk rows, and three days of scans.

Made by the database itself; ciphertexts are the same for all, hashes differ. `ACTIVE` people have browsers that know
their keys, and the first of them scan.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection

from accounts.actions import device_key_hash
from accounts.models import Account, DeviceKey, Identifier
from declarations.models import Declaration, Person
from healthpass.lib.encryption import encrypt
from passcodes.colour import Colour

PEOPLE, DECLARATIONS, RISKS, SCANS = 100_000, 150_000, 100_000, 1_000_000
ACTIVE = 4_000
SCANNERS = 400  # one at each entrance, two entrances an institution
SICK = 50  # every fiftieth person is listed as a confirmed case

FILL = """
INSERT INTO accounts_account (id, password, is_active, last_four_hash, created_at)
SELECT n, '!', true, md5('four' || n), %(at)s FROM generate_series(1, %(people)s) n;

INSERT INTO accounts_identifier (account_id, kind, value, hash, used_at, created_at)
SELECT n, 'phone', %(phone)s, md5('phone' || n), %(at)s, %(at)s FROM generate_series(1, %(people)s) n;

INSERT INTO accounts_device (id, account_id, hash, seen_at, created_at)
SELECT n, n, md5('device' || n), %(at)s, %(at)s FROM generate_series(1, %(people)s) n;

INSERT INTO declarations_person (id, holder_id, name, name_hash, document_kind, document_number, document_hash,
    document_last_four_hash, sex, birth_date, assurance, needs_desk, created_at)
SELECT n, n, %(name)s, md5('name' || n), '01', %(number)s, md5('document' || n),
    md5('four' || n), '1', %(birth_date)s, 1, false, %(at)s FROM generate_series(1, %(people)s) n;

INSERT INTO passcodes_passcode (person_id, public_id, created_at)
SELECT n, left(md5('pass' || n), 16), %(at)s FROM generate_series(1, %(people)s) n;

INSERT INTO declarations_declaration (id, person_id, account_id, made_at, form_version, phone, division, address,
    fever, dry_cough, fatigue, other_symptoms, created_at)
SELECT n, (n - 1) %% %(people)s + 1, (n - 1) %% %(people)s + 1,
    %(at)s - CASE WHEN n > %(people)s THEN interval '1 hour' ELSE interval '2 days' END,
    1, %(declared_phone)s, 210102, %(address)s, false, false, false, %(symptoms)s, %(at)s
  FROM generate_series(1, %(declarations)s) n;

INSERT INTO declarations_stay (declaration_id, kind, division, from_on, to_on)
SELECT n, 'travel', 210202, current_date - 3, current_date - 2 FROM generate_series(1, %(declarations)s, 5) n;

INSERT INTO passcodes_risksource (id, slug, name, office, office_phone, fresh_hours, pull_url, cursor, stale_from,
    created_at)
SELECT n, 'source-' || n, 'source', 'office', '024-12320', 24, '', '', %(at)s + interval '1 day', %(at)s
  FROM generate_series(1, 10) n;

INSERT INTO passcodes_riskbatch (id, source_id, name, digest, kind, way, state, rows, applied, errors, duplicates,
    has_managed, problems, created_at, released_at)
SELECT n, n %% 10 + 1, 'batch-' || n, '', 'people', 'push', 'visible', 100, 100, 0, 0, false, '[]', %(at)s, %(at)s
  FROM generate_series(1, 1000) n;

INSERT INTO passcodes_riskarea (batch_id, division, level, starts_on, source)
SELECT n, 110101 + n, 'high', current_date - 5, 'bench' FROM generate_series(1, 50) n;

INSERT INTO passcodes_riskrecord (batch_id, document_hash, category, starts_at, source, office, office_phone)
SELECT n %% 1000 + 1, CASE WHEN n %% %(sick)s = 0 THEN md5('document' || n) ELSE md5('other' || n) END, 'confirmed',
    %(at)s - interval '1 day', 'bench', 'office', '024-12320' FROM generate_series(1, %(risks)s) n;

INSERT INTO passcodes_colourchange (person_id, colour, reasons, at)
SELECT n, CASE WHEN n %% %(sick)s = 0 THEN %(red)s ELSE %(green)s END, '[]', %(at)s
  FROM generate_series(1, %(people)s) n;

INSERT INTO passcodes_shown (person_id, account_id, colour, at)
SELECT person_id, person_id, colour, at FROM passcodes_colourchange;

INSERT INTO institutions_institution (id, name, credit_code, kind, division, address, is_active, created_at)
SELECT n, 'institution ' || n, lpad(n::text, 18, '0'), 'school', 210102, 'address', true, %(at)s
  FROM generate_series(1, %(scanners)s / 2) n;

INSERT INTO institutions_entrance (id, institution_id, name, is_active, created_at)
SELECT n, (n + 1) / 2, 'entrance ' || n, true, %(at)s FROM generate_series(1, %(scanners)s) n;

INSERT INTO institutions_membership (institution_id, account_id, person_id, role, created_at)
SELECT (n + 1) / 2, n, n, 'scanner', %(at)s FROM generate_series(1, %(scanners)s) n;
"""

# UUIDv7 of a random moment of the last days, the rest of it random.
SCAN = """
INSERT INTO scanning_scan (id, institution_id, entrance_id, scanner_id, person_id, outcome, temperature, found_normal,
    digest, received_at)
SELECT (lpad(to_hex((extract(epoch FROM %(at)s - random() * interval '68 hours') * 1000)::bigint), 12, '0')
        || '7' || left(md5(random()::text), 3) || '8' || left(md5(random()::text), 15))::uuid,
    (entrance + 1) / 2, entrance, entrance, 1 + (random() * (%(people)s - 1))::int, 'green', NULL, true,
    '\\x0000000000000000', %(at)s
  FROM (SELECT 1 + n %% %(scanners)s AS entrance FROM generate_series(1, %(scans)s) n) entrances
"""

FOREIGN_KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
 WHERE conrelid = %s::regclass AND contype = 'f'
"""


def pass_id(person: int) -> str:
    """The public id of a person's code."""
    return hashlib.md5(f"pass{person}".encode()).hexdigest()[:16]


def pass_key(person: int) -> str:
    """What the holder's browser has in its cookie."""
    return f"pass-{person}"


def scan_key(scanner: int) -> str:
    """What the scanner's browser has in its cookie."""
    return f"scan-{scanner}"


def load(at: datetime) -> list[str]:
    """Fill the database; the session ids of the active people's browsers, in their order."""
    call_command("migrate", verbosity=0)
    call_command("partitions", stdout=io.StringIO())
    values = {
        **ciphertexts(),
        "people": PEOPLE,
        "declarations": DECLARATIONS,
        "risks": RISKS,
        "scans": SCANS,
        "scanners": SCANNERS,
        "sick": SICK,
        "red": int(Colour.RED),
        "green": int(Colour.GREEN),
        "at": at,
    }
    with connection.cursor() as cursor:
        for statement in filter(str.strip, FILL.split(";\n")):
            cursor.execute(statement, values)
        _keys(cursor, at)
        sessions = _sessions(cursor, at)
        _scans(cursor, values)
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)  # whoever adds rows after these
        cursor.execute("VACUUM ANALYZE")
    return sessions


def add_risks(rows: int) -> None:
    """So many more risk records, of nobody here."""
    sql = """
INSERT INTO passcodes_riskrecord (batch_id, document_hash, category, starts_at, source, office, office_phone)
SELECT n %% 1000 + 1, md5('more' || n), 'confirmed', now() - interval '1 day', 'bench', 'office', '024-12320'
  FROM generate_series(1, %s) n"""
    with connection.cursor() as cursor:
        cursor.execute(sql, [rows])
        cursor.execute("VACUUM ANALYZE passcodes_riskrecord")


def ciphertexts() -> dict[str, bytes]:
    """What stands in the encrypted columns, the same for everybody."""
    texts = {
        "phone": (Identifier, "value", "+8613800000000"),
        "name": (Person, "name", "张三丰"),
        "number": (Person, "document_number", "210102199001010015"),
        "birth_date": (Person, "birth_date", "1990-01-01"),
        "declared_phone": (Declaration, "phone", "+8613800000000"),
        "address": (Declaration, "address", "中山路1号"),
        "symptoms": (Declaration, "other_symptoms", ""),
    }
    return {
        name: encrypt(text.encode(), model._meta.get_field(field).label) for name, (model, field, text) in texts.items()
    }


def _keys(cursor, at: datetime) -> None:
    """Device keys: of the active people for their codes, of the scanners, and others' to fill the table."""
    table, end = DeviceKey._meta.db_table, at + timedelta(days=90)
    with cursor.copy(f"COPY {table} (hash, account_id, device_id, subject, expires_at, created_at) FROM STDIN") as copy:
        for person in range(1, PEOPLE + 1):
            known = person <= ACTIVE
            key = device_key_hash(pass_key(person)) if known else hashlib.md5(f"key{person}".encode()).hexdigest()
            copy.write_row((key, person, person, pass_id(person), end, at))
        for scanner in range(1, SCANNERS + 1):
            copy.write_row((device_key_hash(scan_key(scanner)), scanner, scanner, "", end, at))


def _sessions(cursor, at: datetime) -> list[str]:
    """A session of each active person."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    accounts = Account.objects.in_bulk(range(1, ACTIVE + 1))
    keys = [f"benchsession{person:020d}" for person in range(1, ACTIVE + 1)]
    with cursor.copy("COPY django_session (session_key, session_data, expire_date) FROM STDIN") as copy:
        for person, key in enumerate(keys, start=1):
            data = {
                SESSION_KEY: str(person),
                BACKEND_SESSION_KEY: "accounts.backends.OneTimeCodeBackend",
                HASH_SESSION_KEY: accounts[person].get_session_auth_hash(),
                "device": person,
            }
            copy.write_row((key, store.encode(data), at + timedelta(days=90)))
    return keys


@contextmanager
def no_foreign_keys(cursor, table: str) -> Iterator[None]:
    """The table takes rows without checking each one's foreign keys one by one; at the end all at once."""
    cursor.execute(FOREIGN_KEYS, [table])
    constraints = cursor.fetchall()
    for name, _ in constraints:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    yield
    for name, definition in constraints:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def _scans(cursor, values: dict) -> None:
    """The scan log."""
    with no_foreign_keys(cursor, "scanning_scan"):
        cursor.execute(SCAN, values)
