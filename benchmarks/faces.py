"""What a face check costs beside the same work done with bare dlib calls, in one process and the same rounds.

And what a worker takes for twenty of them, from the database and back.
"""

import io
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import dlib
import face_recognition.api as models
import numpy as np
from django.utils import timezone
from PIL import Image

from declarations.models import Assurance
from passcodes import face_checks, faces
from passcodes.actions import issue_pass
from passcodes.findings import DEFAULT_LIMITS, LiveFinding, Movement, PhotoFinding
from passcodes.models import FaceCheckState
from tests import factories
from tests.passcodes.people import astronaut, file, hopper, lively, turned

ROUNDS, PHOTO_ROUNDS = 5, 25
CHALLENGE = (Movement.LEFT, Movement.RIGHT, Movement.LEFT)
TURNS = (0, 0.1, 0.5, 1, 0.6, 0.1, 0, -0.6, -1, -0.7, -0.1, 0, 0.5, 1, 0.5, 0)
PHOTO_SIDE = 1600  # pixels, as the page sends it
CHECKS = 20  # at once


def lines() -> list[dict]:
    """The lines of `face_photo_check`, `face_live_check` and `face_worker`."""
    photo = file(hopper().resize((PHOTO_SIDE * 512 // 600, PHOTO_SIDE)), quality=85)
    live_photo = file(lively(turned(astronaut, -0.25), 99, light=0.85).resize((PHOTO_SIDE, PHOTO_SIDE)), quality=85)
    frames = [file(lively(turned(astronaut, turn), number), quality=80) for number, turn in enumerate(TURNS)]
    return [
        {
            "name": "face_photo_check",
            **_measure(lambda: check_photo(photo), lambda: bare([photo], [], encode=False), PHOTO_ROUNDS),
            "photos": 1,
        },
        {
            "name": "face_live_check",
            **_measure(lambda: check_live(live_photo, frames), lambda: bare([live_photo], frames), ROUNDS),
            "frames": len(frames),
        },
        {"name": "face_worker", **worker(live_photo, frames), "checks": CHECKS},
    ]


def check_photo(photo: bytes) -> None:
    """What the worker computes of an uploaded photo."""
    assert faces.look(faces.load(photo), DEFAULT_LIMITS).finding == PhotoFinding.FINE


def check_live(photo: bytes, frames: list[bytes]) -> None:
    """What the worker computes of a live check."""
    pictures = [faces.load(data, side=DEFAULT_LIMITS.frame_side) for data in frames]
    taken = [faces.Frame(picture, 0.3 * number) for number, picture in enumerate(pictures)]
    verdict = faces.judge_live(faces.load(photo), taken, CHALLENGE, DEFAULT_LIMITS)
    assert verdict.finding == LiveFinding.PASSED, verdict
    file(taken[verdict.nearest].picture, quality=90)  # for the authority


def worker(photo: bytes, frames: list[bytes]) -> dict:
    """Peak memory of worker processes, and CPU of each check with its photo, start of the process included."""
    checks = []
    for number in range(CHECKS):
        account = factories.account(phone=f"+86139{number:08}")
        proxy = factories.relative(account=account, acting=False, assurance=Assurance.DECLARED)
        now = timezone.now()
        check = face_checks.begin(pass_code=issue_pass(person=proxy.person), account=account, by=account, at=now)
        face_checks.put_photo(check=check, data=photo, at=now)
        checks.append(check)
    usages = [_work()]
    for number, check in enumerate(checks):
        attempt = face_checks.issue_challenge(check=check, at=timezone.now())
        attempt.challenge = list(CHALLENGE)
        attempt.save()
        taken = [(data + bytes([0, number]), 0.05 * place) for place, data in enumerate(frames)]
        face_checks.answer(check=check, key=attempt.key, frames=taken, at=timezone.now())
    usages.append(_work())
    for check in checks:
        check.refresh_from_db()
        assert check.state == FaceCheckState.PASSED, check.state
    return {
        "memory_mb": round(max(usage.ru_maxrss for usage in usages) / 1024, 1),
        "app_cpu_s": round(sum(usage.ru_utime + usage.ru_stime for usage in usages) / CHECKS, 3),
    }


def _work():
    """Run what is due in a worker of its own; what it used."""
    environment = {**os.environ, "IDENTITY_URL": "accept:", "SMS_URL": "console:"}  # nobody outside is asked
    process = subprocess.Popen(
        [sys.executable, "manage.py", "work", "--once"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage


def bare(photos: list[bytes], frames: list[bytes], *, encode: bool = True) -> None:
    """Decode, shrink, detect, five points, encode: nothing else."""
    for side, files in ((DEFAULT_LIMITS.photo_side, photos), (DEFAULT_LIMITS.frame_side, frames)):
        for data in files:
            with Image.open(io.BytesIO(data)) as picture:
                picture.draft("RGB", (side, side))
                picture.thumbnail((side, side), Image.Resampling.LANCZOS)
                pixels = np.asarray(picture.convert("RGB"))
            boxes, _, _ = models.face_detector.run(pixels, 0, 0.0)
            shape = models.pose_predictor_5_point(pixels, boxes[0])
            if encode:
                models.face_encoder.compute_face_descriptor(pixels, shape, 1)


def _measure(ours: Callable[[], None], theirs: Callable[[], None], count: int) -> dict:
    """CPU seconds of both, in turns, after a first time that does not count."""
    ours()
    theirs()
    rounds = [(_cpu_s(ours), _cpu_s(theirs)) for _ in range(count)]
    return {
        "app_cpu_s": round(statistics.median(own for own, _ in rounds), 3),
        "dlib_cpu_s": round(statistics.median(other for _, other in rounds), 3),
        "ratio_to_dlib": round(statistics.median(own / other for own, other in rounds), 3),
        "rounds": count,
        "model": f"dlib {dlib.__version__}",
    }


def _cpu_s(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
