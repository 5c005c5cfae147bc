"""Faces: pictures in, findings out. Only the worker imports this, and only this imports dlib and face_recognition.

No model, setting or clock: limits come in, findings go out. Pictures are Pillow images in RGB, as `load` gives them;
frames are not mirrored. Compared are the encodings of dlib's ResNet, on its 5-point landmarks.
"""

import math
import threading
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image, ImageFile

from passcodes.findings import Aim, Limits, LiveFinding, LiveVerdict, Match, Movement, Photo, PhotoFinding
from passcodes.likeness import likeness
from passcodes.pictures import PictureError, load

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # face_recognition_models uses pkg_resources
    import dlib
    import face_recognition.api as models

# Importing face_recognition makes Pillow take pictures that are cut short, in the whole process.
ImageFile.LOAD_TRUNCATED_IMAGES = False

__all__ = ("MODEL", "Face", "Frame", "PictureError", "aim", "distance", "encode", "find", "judge_live", "load", "look")

MODEL = f"dlib {dlib.__version__} ResNet v1, 5 points"  # what a stored distance was measured with

# dlib lets other threads run while it looks for faces, and its models are shared: without a lock processes crash.
_dlib = threading.Lock()

DARK_PICTURE = 30  # mean, 0-255, of a whole picture in which nothing can be found
NEAREST = 4  # frames that are held against the photo: one that it was copied from is among them
SHARPNESS_SIDE = 150  # pixels: one measure for near and far faces


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture. `points`: the eye corners on the picture's right, outer and inner, the same on its left,
    and the foot of the nose; x, y in pixels. `box`: left, top, right, bottom. `shape`: the points as dlib has them.
    """

    picture: Image.Image
    box: tuple[int, int, int, int]
    score: float
    shape: dlib.full_object_detection

    @cached_property
    def points(self) -> np.ndarray:
        return np.array([(point.x, point.y) for point in self.shape.parts()], float)

    @property
    def height(self) -> int:
        return self.box[3] - self.box[1]

    @property
    def roll(self) -> float:
        """Degrees that the line of the eyes is off the horizontal."""
        across = self.points[:2].mean(0) - self.points[2:4].mean(0)
        return math.degrees(math.atan2(across[1], across[0]))

    @cached_property
    def _grey(self) -> Image.Image:
        return self.picture.crop(self.box).convert("L")

    @property
    def brightness(self) -> float:
        """Mean of the face, 0-255."""
        return float(np.asarray(self._grey).mean())

    @property
    def sharpness(self) -> float:
        """Variance of the Laplacian, at one size for all."""
        grey = np.asarray(self._grey.resize((SHARPNESS_SIDE, SHARPNESS_SIDE)), float)
        middle = grey[1:-1, 1:-1]
        return float((grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * middle).var())


@dataclass(frozen=True)
class Frame:
    """A picture of the live camera, `at` seconds after the challenge was issued."""

    picture: Image.Image
    at: float


def find(picture: Image.Image, limits: Limits, *, enlarge: bool = False) -> list[Face]:
    """The faces that count, largest first. `enlarge` finds smaller ones too, at four times the work."""
    pixels = np.asarray(picture)
    with _dlib:
        boxes, scores, _ = models.face_detector.run(pixels, int(enlarge), 0.0)
        faces = [
            Face(picture, _inside(box, picture), score, models.pose_predictor_5_point(pixels, box))
            for box, score in zip(boxes, scores, strict=True)
            if score >= limits.seen
        ]
    faces.sort(key=lambda face: face.height, reverse=True)
    return [face for face in faces if face.height >= limits.another * faces[0].height]


def look(picture: Image.Image, limits: Limits, *, height: int | None = None) -> Photo:
    """What is to be said of a photo. `height`: the least of the face, in pixels (`limits.photo_height`)."""
    return judge_photo(picture, find(picture, limits), limits, height)


def judge_photo(picture: Image.Image, faces: Sequence[Face], limits: Limits, height: int | None = None) -> Photo:
    """As `look`, when the faces have been found already, for their encoding. Who and where come before how well."""
    if not faces:
        return Photo(_without_face(picture, limits))
    face, several = faces[0], len(faces) > 1
    brightness, sharpness = face.brightness, face.sharpness
    findings = (
        (several, PhotoFinding.SEVERAL),
        (face.height < (height or limits.photo_height), PhotoFinding.TOO_SMALL),
        (abs(face.roll) > limits.roll, PhotoFinding.TILTED),
        (brightness < limits.darkest, PhotoFinding.TOO_DARK),
        (brightness > limits.brightest, PhotoFinding.TOO_BRIGHT),
        (sharpness < limits.sharpness, PhotoFinding.BLURRED),
        (face.score < limits.clear, PhotoFinding.UNCLEAR),  # last: each of the others lowers the score too
    )
    return Photo(
        finding=next((finding for applies, finding in findings if applies), PhotoFinding.FINE),
        face_count=len(faces),
        height=face.height,
        score=face.score,
        roll=face.roll,
        yaw=yaw(face.points),
        brightness=brightness,
        sharpness=sharpness,
    )


def _without_face(picture: Image.Image, limits: Limits) -> PhotoFinding:
    if np.asarray(picture.convert("L")).mean() < DARK_PICTURE:
        return PhotoFinding.TOO_DARK
    return PhotoFinding.TOO_SMALL if find(picture, limits, enlarge=True) else PhotoFinding.NO_FACE


def aim(picture: Image.Image, limits: Limits) -> Aim:
    """How the face lies in a live picture, and whether a check could begin with it; where it lies comes first."""
    faces = find(picture, limits)
    if not faces:
        nothing = {PhotoFinding.TOO_DARK: Aim.DARK, PhotoFinding.TOO_SMALL: Aim.FAR}
        return nothing.get(_without_face(picture, limits), Aim.NO_FACE)
    face = faces[0]
    left, top, right, bottom = face.box
    height = face.height / picture.height
    across, down = (left + right) / 2 / picture.width - 0.5, (top + bottom) / 2 / picture.height - 0.5
    brightness = face.brightness
    findings = (
        (len(faces) > 1, Aim.SEVERAL),
        (height < limits.aim_far or face.height < limits.frame_height, Aim.FAR),
        (across < -limits.aim_aside, Aim.LEFT),
        (across > limits.aim_aside, Aim.RIGHT),
        (down < -limits.aim_aside, Aim.HIGH),
        (down > limits.aim_aside, Aim.LOW),
        (height > limits.aim_near, Aim.NEAR),  # after these: one that is cut off is not so high
        (brightness < limits.darkest, Aim.DARK),
        (brightness > limits.brightest, Aim.BRIGHT),
        (face.sharpness < limits.sharpness, Aim.BLURRED),
        (abs(yaw(face.points)) > limits.ahead or abs(face.roll) > limits.roll, Aim.TURNED),
        (face.score < limits.clear, Aim.TURNED),
    )
    return next((finding for applies, finding in findings if applies), Aim.FINE)


def encode(face: Face) -> np.ndarray:
    """128 numbers: those of one person lie near each other."""
    pixels = np.asarray(face.picture)
    with _dlib:
        return np.array(models.face_encoder.compute_face_descriptor(pixels, face.shape, 1))


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """How far apart two encodings are: 0 = the same picture, about 0.7 = two persons."""
    return float(np.linalg.norm(first - second))


def same_person(apart: float, limits: Limits) -> Match:
    """What a distance says."""
    if apart <= limits.same:
        return Match.SAME
    return Match.UNSURE if apart <= limits.unsure else Match.OTHER


def yaw(points: np.ndarray) -> float:
    """Where the foot of the nose lies along the line of the eyes, in eye distances from its middle.

    Positive = to the right of the picture: the head is turned to the person's left.
    """
    right, left = points[:2].mean(0), points[2:4].mean(0)
    across = right - left
    return float((points[4] - (right + left) / 2) @ across / (across @ across))


def movements(yaws: Iterable[float], limits: Limits) -> list[tuple[Movement, int]]:
    """The turns, each with the index of its furthest frame; yaws count from the first."""
    turns: list[tuple[Movement, int]] = []
    yaws = list(yaws)
    side, furthest = 0, 0
    for index, value in enumerate(yaws):
        moved = value - yaws[0]
        if side and moved * side < limits.back:
            turns.append((_movement(side), furthest))
            side = 0
        if not side and abs(moved) > limits.turn:
            side, furthest = (1 if moved > 0 else -1), index
        elif side and moved * side > (yaws[furthest] - yaws[0]) * side:
            furthest = index
    return [*turns, (_movement(side), furthest)] if side else turns


def _movement(side: int) -> Movement:
    return Movement.LEFT if side > 0 else Movement.RIGHT


def judge_live(
    photo: Image.Image, frames: Sequence[Frame], challenge: Sequence[Movement], limits: Limits
) -> LiveVerdict:
    """Whether the frames show one live person who did as asked and is the one in the photo; cheap tests first."""
    verdict = _judge_arrival(frames, limits)
    if verdict:
        return verdict
    kept = _without_repeats(frames, limits)
    if kept is None:
        return LiveVerdict(LiveFinding.REPEATED)
    quality, subject = _only_face(photo, limits, limits.photo_height)
    if quality != PhotoFinding.FINE:
        return LiveVerdict(LiveFinding.PHOTO, quality=quality)
    faces = []
    for index in kept:
        found = find(frames[index].picture, limits)
        if len(found) != 1:
            return LiveVerdict(LiveFinding.SEVERAL if found else LiveFinding.LOST, frame=index)
        faces.append(found[0])
    return _judge_start(faces, limits) or _judge_faces(subject, faces, kept, tuple(challenge), limits)


def _judge_arrival(frames: Sequence[Frame], limits: Limits) -> LiveVerdict | None:
    """How many frames there are, and when they were taken."""
    times = [frame.at for frame in frames]
    if len(frames) > limits.frames:
        return LiveVerdict(LiveFinding.TOO_MANY_FRAMES)
    if len(frames) < limits.fewest_frames:
        return LiveVerdict(LiveFinding.TOO_FEW_FRAMES)
    late = next((index for index in range(1, len(times)) if not times[index] > times[index - 1]), None)
    if late is not None or not times[0] >= 0:
        return LiveVerdict(LiveFinding.OUT_OF_ORDER, frame=late or 0)
    return LiveVerdict(LiveFinding.TOO_LATE, frame=len(frames) - 1) if times[-1] > limits.seconds else None


def _without_repeats(frames: Sequence[Frame], limits: Limits) -> list[int] | None:
    """The frames but for those that a slow camera gave twice running; None when one came back later, or too few stay.

    A live camera never gives the same pixels again.
    """
    small = [np.asarray(frame.picture.convert("L").resize((160, 160)), float) for frame in frames]
    kept = [0]
    for index in range(1, len(frames)):
        alike = [other for other in kept if np.abs(small[index] - small[other]).mean() <= limits.repeated]
        if not alike:
            kept.append(index)
        elif alike != [kept[-1]]:
            return None
    return kept if len(kept) >= limits.fewest_frames else None


def _only_face(picture: Image.Image, limits: Limits, height: int) -> tuple[PhotoFinding, Face | None]:
    found = find(picture, limits)
    return judge_photo(picture, found, limits, height).finding, found[0] if found else None


def _judge_start(faces: Sequence[Face], limits: Limits) -> LiveVerdict | None:
    """The first frame is what all others are held against."""
    first = faces[0]
    quality = judge_photo(first.picture, [first], limits, limits.frame_height).finding
    if quality == PhotoFinding.FINE and abs(yaw(first.points)) > limits.ahead:
        quality = PhotoFinding.UNCLEAR
    return None if quality == PhotoFinding.FINE else LiveVerdict(LiveFinding.START, frame=0, quality=quality)


def _judge_faces(
    subject: Face, faces: Sequence[Face], kept: Sequence[int], challenge: tuple[Movement, ...], limits: Limits
) -> LiveVerdict:
    """Movements, then identity, then depth, then the photo. `kept` = each face's frame."""
    turns = movements([yaw(face.points) for face in faces], limits)
    seen = tuple(movement for movement, _ in turns)
    if seen != challenge:
        return LiveVerdict(_wrong_movements(seen, challenge), movements=seen)
    peaks = [index for _, index in turns]
    encodings = {index: encode(faces[index]) for index in _sample(len(faces), peaks, limits.compared)}
    for index, encoding in encodings.items():
        if distance(encoding, encodings[0]) > limits.same_throughout:
            return LiveVerdict(LiveFinding.ANOTHER_PERSON, frame=kept[index], movements=seen)
    first = faces[0]
    for index in peaks:
        if likeness(first.picture, first.points, faces[index].picture, faces[index].points) >= limits.flat:
            return LiveVerdict(LiveFinding.FLAT, frame=kept[index], movements=seen)
    wanted = encode(subject)
    apart = {index: distance(wanted, encoding) for index, encoding in encodings.items()}
    for index in sorted(apart, key=apart.get)[:NEAREST]:
        face, value = faces[index], apart[index]
        if likeness(face.picture, face.points, subject.picture, subject.points) >= limits.copied:
            return LiveVerdict(LiveFinding.COPIED, frame=kept[index], movements=seen, distance=value)
    nearest = min((index for index in apart if index not in peaks), key=apart.get)
    finding = {Match.SAME: LiveFinding.PASSED, Match.UNSURE: LiveFinding.UNSURE, Match.OTHER: LiveFinding.NO_MATCH}
    finding = finding[same_person(apart[nearest], limits)]
    return LiveVerdict(finding, movements=seen, distance=apart[nearest], nearest=kept[nearest])


def _wrong_movements(seen: tuple[Movement, ...], challenge: tuple[Movement, ...]) -> LiveFinding:
    if not seen:
        return LiveFinding.NOT_TURNED
    remaining = iter(challenge)
    in_order = all(movement in remaining for movement in seen)
    return LiveFinding.MISSING_MOVEMENT if in_order else LiveFinding.WRONG_ORDER


def _sample(count: int, peaks: Sequence[int], most: int) -> list[int]:
    """The first frame, the peaks, and others evenly, `most` in all; all of them when there are no more."""
    chosen = {0, *peaks}
    others = [index for index in range(count) if index not in chosen]
    room = max(most - len(chosen), 0)
    if len(others) > room:
        others = [others[number * len(others) // room] for number in range(room)]
    return sorted(chosen.union(others))


def _inside(box: dlib.rectangle, picture: Image.Image) -> tuple[int, int, int, int]:
    """The detector's box as it is cut off by the picture's edge."""
    return max(box.left(), 0), max(box.top(), 0), min(box.right(), picture.width), min(box.bottom(), picture.height)
