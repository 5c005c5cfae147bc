"""Nothing of a picture is left when a face check has ended, however it ended: in no column, and on no disk."""

import base64
import os
import re
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts import tasks
from declarations import proxies
from passcodes import face_checks
from passcodes.models import FaceCheck, FaceImage
from tests import factories
from tests.declarations.test_proxies import HEALTHY, MOTHER
from tests.passcodes.heic_files import heic
from tests.passcodes.people import close, file, hopper
from tests.passcodes.worker.face_steps import answer, ask, begin, frames, judge, photo, work

pytestmark = pytest.mark.django_db(transaction=True)

LRL = ("left", "right", "left")
PIECE, STEP = 24, 997  # bytes looked for, from many places of each file: a part must not be left either


@pytest.fixture
def check(settings, tmp_path, monkeypatch):
    """A check that begins, whose process has folders of its own for temporary files and uploads."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.MEDIA_ROOT.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    son = factories.account()
    proxy = proxies.declare_for(
        account=son, claim=MOTHER, relation="parent", answers=HEALTHY, by=son, at=timezone.now()
    )
    return begin(account=son, person=proxy.person)


def pieces(files) -> set[bytes]:
    """Parts of these files that stand in nothing else."""
    return {data[at : at + PIECE] for data in files for at in range(700, len(data) - PIECE, STEP)}


def columns() -> bytes:
    """Every column of every table, as it lies there."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                found += [
                    bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode() for value in row
                ]
    return b"\n".join(found)


def ciphertexts() -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM passcodes_faceimage")
        return [bytes(data) for (data,) in cursor.fetchall()]


def disk(tmp_path) -> bytes:
    """The database's own files, where they are ours to read, and all places where files could be put."""
    places = [tmp_path, settings.BASE_DIR / "var", Path(settings.MEDIA_ROOT)]
    if connection.vendor == "sqlite":
        places.append(Path(connection.settings_dict["NAME"]).parent)
    files = {path for place in places for path in place.rglob("*") if path.is_file()}
    started = timezone.now().timestamp() - 600
    return b"\n".join(path.read_bytes() for path in sorted(files) if path.stat().st_mtime > started)


def checkpoint() -> None:
    """Bring what SQLite has in its log into its file."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def left(parts: set[bytes], *places: bytes) -> list[bytes]:
    """Which parts are there, as bytes or as text of bytes."""
    return [
        part
        for part in parts
        for place in places
        if part in place or part.hex().encode() in place.lower() or base64.b64encode(part)[:-4] in place
    ]


def passed(check, attempt):
    judge(attempt)


def failed(check, attempt):
    attempt.challenge = ["right", "left", "left"]
    attempt.save()
    work()
    attempt.refresh_from_db()
    assert attempt.finding == "wrong_order"
    face_checks.withdraw(check=check, by=None, at=timezone.now())


def withdrawn(check, attempt):
    face_checks.withdraw(check=check, by=None, at=timezone.now())
    work()


def lapsed(check, attempt):
    later = timezone.now() + timedelta(hours=23, minutes=40)
    assert face_checks.expire(later) == 1


def task_failed_for_good(check, attempt):
    tasks.give_up(tasks.take(timezone.now()), reason="test", at=timezone.now())
    face_checks.recover(check=FaceCheck.objects.get(pk=check.pk), at=timezone.now())
    lapsed(check, attempt)


def account_deleted(check, attempt):
    check.pass_code.person.delete()


@pytest.mark.parametrize("end", [passed, failed, withdrawn, lapsed, task_failed_for_good, account_deleted])
def test_no_picture_is_left_of_a_check_that_ended(check, tmp_path, end):
    files = [heic(close(hopper)), photo(hopper), file(close(hopper).resize((200, 200))), *frames(LRL)]
    now = timezone.now()
    face_checks.put_photo(check=check, data=files[0], at=now)
    face_checks.put_photo(check=check, data=files[1], at=now)
    seen = ciphertexts()
    work()
    face_checks.put_aim(check=check, data=files[2], at=now)
    seen += ciphertexts()
    answer(check, attempt := ask(check, LRL), files[3:])
    seen += ciphertexts()
    plain, sealed = pieces(files), pieces(seen)
    assert len(sealed) > 100
    assert left(plain, columns(), disk(tmp_path)) == []  # encrypted all the while
    assert len(left(sealed, columns())) > 60  # the search finds what is there

    work_aim()
    end(check, attempt)

    checkpoint()
    assert not FaceImage.objects.exists()
    assert left(plain | sealed, columns(), disk(tmp_path)) == []


def work_aim():
    """The task for the camera's picture runs before that of the live ones."""
    task = tasks.take(timezone.now())
    assert task.kind == "face-aim"
    tasks.KINDS["face-aim"].function(task, timezone.now())


def test_sqlite_overwrites_what_is_deleted():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps ciphertext of deleted rows until it vacuums")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        assert cursor.fetchone() == (1,)


def test_worker_has_no_file_open_but_the_databases(check):
    """Pictures go through memory and pipes."""
    face_checks.put_photo(check=check, data=heic(close(hopper)), at=timezone.now())
    before = open_files()
    work()
    assert open_files() - before <= set()


def open_files() -> set[str]:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("no /proc here")
    links = []
    for entry in folder.iterdir():
        try:
            links.append(os.readlink(entry))
        except OSError:
            continue
    return {link for link in links if link.startswith("/") and not re.search(r"sqlite3|/dev/|/proc/", link)}
