"""What a face check can find, and the limits it goes by: words and numbers that any process may import.

The computing is in `faces.py`, for the worker alone. docs/faces.md tells more of where each limit comes from.
"""

import math
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import product

from django.db import models
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Limits:
    """Every threshold of the checks, each with its source.

    "Measured" = on the two photographs of the tests and changed copies of them: a start, to be held against one's own
    photographs with `manage.py evaluate_faces`. "Judged" = nobody measured it.
    """

    # Files. 8 MB and 50 MP: phones' main cameras; the rest so that decoding stays within some 160 MB, measured.
    bytes: int = 8_000_000
    pixels: int = 50_000_000  # of JPEGs that are decoded at a fraction of their size
    pixels_whole: int = 12_000_000  # of all others: they are decoded whole
    pixels_webp: int = 8_000_000  # its decoder takes 16 bytes and more for each, measured
    pixels_heic: int = 25_000_000  # decoded in a process of its own, 120 MB at 12 MP, 200 at 24, 365 at 48, measured
    smallest_side: int = 80  # pixels: the detector's window
    scans: int = 40  # of a progressive JPEG; cameras write about ten, a bomb thousands
    photo_side: int = 640  # pixels; detection 50 ms, measured
    frame_side: int = 320  # pixels; detection 18 ms, measured

    # The face in a photo.
    seen: float = 0.3  # detector's score of a face; false ones scored at most 0.15, real ones 0.4 to 1.7, measured
    clear: float = 0.8  # score of a face that can be compared; real uncovered ones 1.0 and more, measured
    another: float = 0.4  # height of a second face beside the largest, from which it counts; judged
    photo_height: int = 80  # pixels; one of 62 is 0.12 to 0.29 from its original, measured
    frame_height: int = 80  # pixels: the detector's window
    roll: float = 30.0  # degrees; distances up to 0.15 there, faces lost at 45, measured
    darkest: float = 50.0  # mean of the face, 0-255; 0.3 times the brightness still matched, measured
    brightest: float = 205.0  # the same; faces are lost at twice the brightness, measured
    sharpness: float = 40.0  # variance of the Laplacian at 150 px: sharp 130-1200, 2 px blur 3-27, measured

    # Two faces: Euclidean distance of dlib's encodings. Its authors' 0.6 (99.38 % on LFW, mostly Western adults) mixes
    # up children by their own word; the two persons of the tests were 0.57 to 0.73 apart, measured.
    same: float = 0.45
    unsure: float = 0.55

    # How a face should lie in the camera's picture, for help with holding it; judged.
    aim_far: float = 0.3  # height of the face in heights of the picture, below which it is far
    aim_near: float = 0.6  # and above which it is near: a turn would leave the picture
    aim_aside: float = 0.2  # of its middle from the picture's, in widths and heights

    # Live frames.
    fewest_frames: int = 5  # two turns and the way between them; judged
    frames: int = 40
    compared: int = 20  # of the frames, by encoding: keeps a check under 4 s of CPU
    seconds: float = 120.0  # from challenge to last frame
    same_throughout: float = 0.5  # distance to the first frame; turned copies up to 0.42, measured
    ahead: float = 0.15  # yaw of the first frame; upright faces 0.02-0.03, measured
    turn: float = 0.06  # yaw from the first frame's; still faces vary by 0.03, measured
    back: float = 0.03  # yaw from which on a turn is over; judged, so that a turn counts once
    flat: float = 0.95  # likeness of a turn to the first frame, from which on it is flat: prints, in uneven light and
    # glare too, 0.958 and more, heads made to turn by some 20 degrees 0.94 and less, measured
    copied: float = 0.998  # likeness of the photo to a frame, from which on they are one; copies 0.9992, measured
    repeated: float = 0.75  # mean difference of two frames' pixels, 0-255; saved anew 0.4-0.7, noise alone 2, measured


DEFAULT_LIMITS = Limits()
# What messages, pages and memory go by: no setting.
FIXED = frozenset(
    ("bytes", "pixels", "pixels_whole", "pixels_webp", "pixels_heic", "smallest_side", "scans")
    + ("photo_side", "frame_side")
    + ("fewest_frames", "frames", "seconds")
)
RISING = (("same", "unsure"), ("back", "turn"), ("darkest", "brightest"), ("aim_far", "aim_near"))


@cache
def parse_limits(value: str) -> Limits:
    """The limits with those that `value` names changed, as in `same=0.45,unsure=0.55`. Raises ValueError in words."""
    kinds = {field.name: field.type for field in fields(Limits) if field.name not in FIXED}
    changes = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, _equals, number = (word.strip() for word in part.partition("="))
        if name not in kinds:
            raise ValueError(f"{name} is none of {', '.join(kinds)}.")
        try:
            changes[name] = kinds[name](number)
        except ValueError as error:
            raise ValueError(f"{name} must be a number.") from error
        if not (math.isfinite(changes[name]) and changes[name] > 0):
            raise ValueError(f"{name} must be more than 0.")
    limits = replace(DEFAULT_LIMITS, **changes)
    for less, more in RISING:
        if getattr(limits, less) >= getattr(limits, more):
            raise ValueError(f"{less} must be less than {more}.")
    return limits


class PictureFinding(models.TextChoices):
    """Why a file is not taken as a picture."""

    EMPTY = "empty", _("There is no file, or it is empty.")
    TOO_LARGE = "too_large", _("The file is too large: at most 8 MB.")
    TOO_MANY_PIXELS = "too_many_pixels", _("The picture has too many pixels. Choose a smaller one.")
    TOO_FEW_PIXELS = "too_few_pixels", _("The picture is too small.")
    NOT_A_PICTURE = "not_a_picture", _("This is not a JPEG, PNG, WebP or HEIC picture.")
    DAMAGED = "damaged", _("The picture is damaged or incomplete. Choose it again, or take another.")
    MIXED = "mixed", _("The file holds more than a picture. Take the photo again.")


class PhotoFinding(models.TextChoices):
    """What a photo shows; all but `fine` call for another."""

    FINE = "fine", _("The photo is good.")
    NO_FACE = "no_face", _("No face was found. Hold the phone so that the face fills the picture.")
    SEVERAL = "several", _("There is more than one face. Only one person may be in the picture.")
    TOO_SMALL = "too_small", _("The face is too small. Go closer.")
    UNCLEAR = "unclear", _("The face cannot be seen well. Uncover it and look straight ahead.")
    TILTED = "tilted", _("The head or the phone is tilted. Hold both upright.")
    TOO_DARK = "too_dark", _("The face is too dark. Turn to the light.")
    TOO_BRIGHT = "too_bright", _("The face is too bright. Turn away from the light.")
    BLURRED = "blurred", _("The picture is blurred. Hold the phone still and wipe the camera.")


class Aim(models.TextChoices):
    """How a face lies in the camera's unmirrored picture. The page says what to do, by the camera in use."""

    FINE = "fine", _("Good. Hold the phone like this.")
    NO_FACE = "no_face", _("No face is in the picture.")
    SEVERAL = "several", _("There is more than one face in the picture.")
    LEFT = "left", _("The face is too far to the left of the picture.")
    RIGHT = "right", _("The face is too far to the right of the picture.")
    HIGH = "high", _("The face is too high in the picture.")
    LOW = "low", _("The face is too low in the picture.")
    FAR = "far", _("The face is too far away. Go closer.")
    NEAR = "near", _("The face is too near. Go back a little.")
    DARK = "dark", _("The face is too dark. Turn to the light.")
    BRIGHT = "bright", _("The face is too bright. Turn away from the light.")
    BLURRED = "blurred", _("The picture is blurred. Hold the phone still.")
    TURNED = "turned", _("Look straight at the camera.")


class Match(models.TextChoices):
    """Whether two faces are one person's."""

    SAME = "same", _("same person")
    UNSURE = "unsure", _("not certain")
    OTHER = "other", _("another person")


class Movement(models.TextChoices):
    """A turn of the head, as the person sees it: `left` is their left, the right of an unmirrored picture."""

    LEFT = "left", _("Turn the head to the left")
    RIGHT = "right", _("Turn the head to the right")


class LiveFinding(models.TextChoices):
    """How a live check ended; all but `passed` are failures."""

    PASSED = "passed", _("The live face matches the photo.")
    TOO_FEW_FRAMES = "too_few_frames", _("Too few pictures arrived. Try again with a better connection.")
    TOO_MANY_FRAMES = "too_many_frames", _("Too many pictures arrived. Try again.")
    OUT_OF_ORDER = "out_of_order", _("The pictures did not arrive in their order. Try again.")
    TOO_LATE = "too_late", _("The time is over. Try again.")
    PHOTO = "photo", _("The photo cannot be used. Take another.")
    REPEATED = "repeated", _("The same picture came more than once. Use the live camera.")
    LOST = "lost", _("The face left the picture. Keep it in view and turn less far.")
    SEVERAL = "several", _("There was more than one face. Only one person may be in the picture.")
    START = "start", _("The first picture was not good. Begin by looking straight at the camera.")
    NOT_TURNED = "not_turned", _("No turn of the head was seen.")
    MISSING_MOVEMENT = "missing_movement", _("A movement is missing.")
    WRONG_ORDER = "wrong_order", _("The movements were not those asked for, or not in that order.")
    ANOTHER_PERSON = "another_person", _("The person in front of the camera changed.")
    FLAT = "flat", _("The camera saw a flat picture, not a head that turns.")
    NOT_LIVE = "not_live", _("The pictures were not those of a camera page.")
    COPIED = "copied", _("The photo is a picture from this check. Choose another photo.")
    UNSURE = "unsure", _("It is not certain that both are the same person. Try again in better light.")
    NO_MATCH = "no_match", _("The live face is not the one in the photo.")


@dataclass(frozen=True)
class Photo:
    """What `faces.look` found. `face_count` counts those that matter; the figures are of the largest, None without one.

    `height` in pixels of the shrunk picture, `roll` in degrees, `brightness` 0-255, `yaw` as in `faces.yaw`.
    """

    finding: PhotoFinding
    face_count: int = 0
    height: int | None = None
    score: float | None = None
    roll: float | None = None
    yaw: float | None = None
    brightness: float | None = None
    sharpness: float | None = None


@dataclass(frozen=True)
class LiveVerdict:
    """How a live check ended, and on what grounds.

    `frame` = index of the frame that failed; `quality` = what was wrong with the photo or the first frame;
    `movements` = the turns seen; `distance` = of the photo to the nearest forward frame, whose index is `nearest`; each
    None when not reached.
    """

    finding: LiveFinding
    frame: int | None = None
    quality: PhotoFinding | None = None
    movements: tuple[Movement, ...] | None = None
    distance: float | None = None
    nearest: int | None = None

    @property
    def passed(self) -> bool:
        return self.finding == LiveFinding.PASSED


def challenges(turns: int = 3) -> tuple[tuple[Movement, ...], ...]:
    """Every challenge of so many turns that asks for both sides; whoever issues one draws it with `secrets.choice`.

    The person looks straight ahead first, and again between two turns.
    """
    return tuple(turn for turn in product(Movement, repeat=turns) if len(set(turn)) == len(Movement))
