"""Re-encrypt personal data under the newest of FIELD_KEYS."""

from collections.abc import Iterator

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from healthpass.lib.encryption import KEY_ID, DecryptionError, EncryptedBytesField, current_key_id, decrypt, encrypt


class Command(BaseCommand):
    help = (
        "Re-encrypt every encrypted field that is not under the first of FIELD_KEYS. Runs while the service runs; "
        "may be stopped and started again. Older keys can be removed from FIELD_KEYS when it says that nothing is left."
    )

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=500, help="values in one transaction (default: %(default)s)")

    def handle(self, *args, batch: int, **options):
        unreadable = 0
        for field in encrypted_fields():
            unreadable += self.rotate(field, batch)
        if unreadable:
            raise CommandError(f"{unreadable} values are under a key that FIELD_KEYS lacks: add it and run again.")
        self.stdout.write("Nothing is left under an older key.")

    def rotate(self, field: EncryptedBytesField, batch: int) -> int:
        """Re-encrypt one column; how many values could not be read."""
        done = unreadable = 0
        last = None
        while rows := stale_rows(field, last, batch):
            changes = []
            for pk, old in rows:
                try:
                    changes.append((encrypt(decrypt(old, field.label), field.label), pk, old))
                except DecryptionError:
                    unreadable += 1
            write(field, changes)
            last = rows[-1][0]
            done += len(changes)
            self.stdout.write(f"{field.label}: {done}")
        if unreadable:
            self.stderr.write(f"{field.label}: {unreadable} cannot be read")
        return unreadable


def encrypted_fields() -> Iterator[EncryptedBytesField]:
    """Every encrypted column of the database."""
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            yield from (field for field in model._meta.local_fields if isinstance(field, EncryptedBytesField))


def columns(field: EncryptedBytesField) -> dict[str, str]:
    """Names for SQL, quoted."""
    quote, meta = connection.ops.quote_name, field.model._meta
    return {"table": quote(meta.db_table), "pk": quote(meta.pk.column), "value": quote(field.column)}


def stale_rows(field: EncryptedBytesField, last, batch: int) -> list[tuple]:
    """The next (primary key, ciphertext) pairs after `last` that are not under the newest key."""
    after = "" if last is None else "AND {pk} > %s"
    query = "SELECT {pk}, {value} FROM {table} WHERE substr({value}, 1, %s) <> %s " + after + " ORDER BY {pk} LIMIT %s"
    given = [] if last is None else [last]
    with connection.cursor() as cursor:
        cursor.execute(query.format(**columns(field)), [KEY_ID, current_key_id(), *given, batch])
        return [(pk, bytes(value)) for pk, value in cursor.fetchall()]


def write(field: EncryptedBytesField, changes: list[tuple]) -> None:
    """Store the new ciphertexts, except where the application has written something else meanwhile."""
    query = "UPDATE {table} SET {value} = %s WHERE {pk} = %s AND {value} = %s".format(**columns(field))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(query, changes)
