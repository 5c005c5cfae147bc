"""Pictures of two people for the tests: the photographs that matplotlib and scikit-image bring, and changed copies.

No video of a person comes with any package, so turns of the head are made: `turned` moves the nose before the cheeks
and rolls the face on a cylinder. What that cannot show: an ear coming into view, real shadows, a blink, an open mouth.
"""

import io
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import skimage.data
from PIL import Image, ImageEnhance
from skimage.transform import ProjectiveTransform, warp

# Where the face is: middle of the eyes, foot of the nose, half the width of the face, in pixels of the photograph.
ASTRONAUT = ((225, 103), (224, 135), 44)
HOPPER = ((265, 192), (270, 252), 108)
SIDE = 320  # of a frame


@cache
def astronaut() -> Image.Image:
    """Eileen Collins, 512 pixels."""
    return Image.fromarray(skimage.data.astronaut())


@cache
def hopper() -> Image.Image:
    """Grace Hopper, 512 x 600 pixels."""
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    return Image.open(path).convert("RGB")


@cache
def close(who) -> Image.Image:
    """Head and shoulders of `astronaut` or `hopper`, the face 115 pixels high, as a frame has it."""
    (x, y), _, half = ASTRONAUT if who is astronaut else HOPPER
    scale = 57 / half
    whole = who()
    whole = whole.resize((round(whole.width * scale), round(whole.height * scale)), Image.Resampling.LANCZOS)
    left, top = round(x * scale - SIDE / 2), round(y * scale - SIDE * 0.42)
    return whole.crop((left, top, left + SIDE, top + SIDE))


def nose(who) -> tuple[float, float]:
    """Where the foot of the nose is in `close`."""
    (x, y), (nose_x, nose_y), half = ASTRONAUT if who is astronaut else HOPPER
    return SIDE / 2 + (nose_x - x) * 57 / half, SIDE * 0.42 + (nose_y - y) * 57 / half


def turned(who, amount: float) -> Image.Image:
    """The head turned: 1 = some 20 degrees to the person's left, -1 to their right."""
    picture = np.asarray(close(who), float)
    (x, y), eyes, radius = nose(who), 50, 105
    down, across = np.mgrid[:SIDE, :SIDE].astype(float)
    place = np.clip((across - SIDE / 2) / radius, -0.999, 0.999)
    rolled = SIDE / 2 + radius * np.sin(np.clip(np.arcsin(place) - np.radians(15 * amount), -1.57, 1.57))
    rolled = np.where(np.abs(across - SIDE / 2) < radius, rolled, across)
    bump = np.exp(-(((rolled - x) / eyes) ** 2) - ((down - y) / (0.9 * eyes)) ** 2)
    source = np.array([down, rolled - 0.33 * amount * eyes * bump])
    channels = [warp(picture[..., index], source, order=1, mode="edge") for index in range(3)]
    return Image.fromarray(np.dstack(channels).clip(0, 255).astype("uint8"))


def held(
    who, swivel: float = 0, tip: float = 0, roll: float = 0, shift: tuple[float, float] = (0, 0), far: float = 1.5
) -> Image.Image:
    """A print of `close` held before the camera: degrees about each axis, a shift in pixels, `far` in print widths."""
    (a, b, c), (x, y) = np.radians((swivel, tip, roll)), nose(who)
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    corners = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], float)
    moved = np.column_stack([corners - (x, y), np.zeros(4)]) @ (about_z @ about_x @ about_y).T
    depth = far * SIDE / (far * SIDE + moved[:, 2:])
    there = ProjectiveTransform.from_estimate(moved[:, :2] * depth + (x, y) + shift, corners)
    return Image.fromarray((warp(np.asarray(close(who)), there, order=1, mode="edge") * 255).astype("uint8"))


def lively(picture: Image.Image, seed: int, light: float = 1.0) -> Image.Image:
    """As a camera gives it at another moment: its noise, a little movement, another light."""
    random = np.random.default_rng(seed)
    moved = Image.new("RGB", picture.size, (60, 60, 60))
    moved.paste(picture, tuple(int(step) for step in random.integers(-3, 4, 2)))
    pixels = np.asarray(ImageEnhance.Brightness(moved).enhance(light), float)
    return Image.fromarray((pixels + random.normal(0, 4, pixels.shape)).clip(0, 255).astype("uint8"))


def file(picture: Image.Image, kind: str = "JPEG", **options) -> bytes:
    """The picture as a file of some kind."""
    data = io.BytesIO()
    picture.save(data, kind, **options)
    return data.getvalue()
