"""What a face check costs beside the same work done with bare dlib calls, in one process and the same rounds."""

import io
import statistics
import time
from collections.abc import Callable

import dlib
import face_recognition.api as models
import numpy as np
from PIL import Image

from passcodes import faces
from passcodes.findings import DEFAULT_LIMITS, LiveFinding, Movement, PhotoFinding
from tests.passcodes.people import astronaut, file, hopper, lively, turned

ROUNDS = 5
CHALLENGE = (Movement.LEFT, Movement.RIGHT, Movement.LEFT)
TURNS = (0, 0.1, 0.5, 1, 0.6, 0.1, 0, -0.6, -1, -0.7, -0.1, 0, 0.5, 1, 0.5, 0)
PHOTO_SIDE = 1600  # pixels, as the page sends it


def lines() -> list[dict]:
    """The lines of `face_photo_check` and `face_live_check`."""
    photo = file(hopper().resize((PHOTO_SIDE * 512 // 600, PHOTO_SIDE)), quality=85)
    live_photo = file(lively(turned(astronaut, -0.25), 99, light=0.85).resize((PHOTO_SIDE, PHOTO_SIDE)), quality=85)
    frames = [file(lively(turned(astronaut, turn), number), quality=80) for number, turn in enumerate(TURNS)]
    return [
        {"name": "face_photo_check", **_measure(lambda: check_photo(photo), lambda: bare([photo], [])), "photos": 1},
        {
            "name": "face_live_check",
            **_measure(lambda: check_live(live_photo, frames), lambda: bare([live_photo], frames)),
            "frames": len(frames),
        },
    ]


def check_photo(photo: bytes) -> None:
    """What the worker does with an uploaded photo, its encoding included."""
    picture = faces.load(photo)
    found = faces.find(picture, DEFAULT_LIMITS)
    assert faces.judge_photo(picture, found, DEFAULT_LIMITS).finding == PhotoFinding.FINE
    faces.encode(found[0])


def check_live(photo: bytes, frames: list[bytes]) -> None:
    """What the worker does with the frames of a live check."""
    pictures = [faces.load(data, side=DEFAULT_LIMITS.frame_side) for data in frames]
    taken = [faces.Frame(picture, 0.3 * number) for number, picture in enumerate(pictures)]
    verdict = faces.judge_live(faces.load(photo), taken, CHALLENGE, DEFAULT_LIMITS)
    assert verdict.finding == LiveFinding.PASSED, verdict


def bare(photos: list[bytes], frames: list[bytes]) -> None:
    """Decode, shrink, detect, five points, encode: nothing else."""
    for side, files in ((DEFAULT_LIMITS.photo_side, photos), (DEFAULT_LIMITS.frame_side, frames)):
        for data in files:
            with Image.open(io.BytesIO(data)) as picture:
                picture.draft("RGB", (side, side))
                picture.thumbnail((side, side), Image.Resampling.LANCZOS)
                pixels = np.asarray(picture.convert("RGB"))
            boxes, _, _ = models.face_detector.run(pixels, 0, 0.0)
            shape = models.pose_predictor_5_point(pixels, boxes[0])
            models.face_encoder.compute_face_descriptor(pixels, shape, 1)


def _measure(ours: Callable[[], None], theirs: Callable[[], None]) -> dict:
    """CPU seconds of both, in turns, after a first time that does not count."""
    ours()
    theirs()
    rounds = [(_cpu_s(ours), _cpu_s(theirs)) for _ in range(ROUNDS)]
    return {
        "app_cpu_s": round(statistics.median(own for own, _ in rounds), 3),
        "dlib_cpu_s": round(statistics.median(other for _, other in rounds), 3),
        "ratio_to_dlib": round(statistics.median(own / other for own, other in rounds), 3),
        "rounds": ROUNDS,
        "model": f"dlib {dlib.__version__}",
    }


def _cpu_s(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before
