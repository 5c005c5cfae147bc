"""Bytes in, a picture out: what people upload as photos of faces, and what else arrives in their place."""

import contextlib
import io
import math
import struct
import zlib
from collections.abc import Iterator

from PIL import Image, ImageOps

from passcodes import heic
from passcodes.findings import DEFAULT_LIMITS, Limits, PictureFinding

# What each file begins with, and which of Pillow's readers may open it.
BEGINNINGS = {b"\xff\xd8\xff": ("JPEG",), b"\x89PNG\r\n\x1a\n": ("PNG",), b"RIFF": ("WEBP",)}
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
HEIC = ()  # no Pillow format: `heic` reads it
# A file that is a picture and something else too, for a program that looks elsewhere in it.
OTHER_FILES = (b"%pdf-", b"pk\x05\x06", b"<html", b"<script", b"<!doctype", b"<?php")
WINDOW = 65_600  # bytes at either end: the farthest that readers of zip files look
# Pillow's readers raise any of these on cut or malformed files.
MALFORMED = (OSError, SyntaxError, ValueError, EOFError, struct.error, ArithmeticError, LookupError, TypeError)
MALFORMED += (AttributeError, AssertionError, MemoryError, zlib.error)
START_OF_SCAN = b"\xff\xda"
SEQUENTIAL_FRAMES = (0xC0, 0xC1)  # JPEG's markers
WITHOUT_LENGTH = (*range(0xD0, 0xDA), 0xFF)
WEBP_ANIMATION = 0x02
ROWS = 64  # of the smaller picture


class PictureError(Exception):
    """The bytes are not taken as a picture; `finding` says why, its label in words."""

    def __init__(self, finding: PictureFinding):
        super().__init__(finding.value)
        self.finding = finding


class HeicNotTaken(PictureError):
    """The picture is in a format that is not read here."""


def is_heic(data: bytes) -> bool:
    """Whether the bytes begin as a HEIC picture does."""
    return data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raise PictureError for what `load` would refuse by its beginning, its size or its header; decodes nothing."""
    formats = _formats(data, limits)
    with _in_words():
        if formats == HEIC:
            _check_pixels(heic.size(data), limits.pixels_heic, limits)
            return
        with _open(data, formats, limits):
            pass


def load(
    data: bytes, limits: Limits = DEFAULT_LIMITS, side: int | None = None, *, heic_too: bool = True
) -> Image.Image:
    """The picture in RGB, upright, without metadata, its longer side at most `side` pixels (`limits.photo_side`).

    Reads JPEG, PNG, WebP and HEIC, which takes seconds: a web process asks for it without. Raises PictureError, for
    HEIC then HeicNotTaken; what is too large is refused before it is decoded.
    """
    formats = _formats(data, limits)
    if formats == HEIC and not heic_too:
        raise HeicNotTaken(PictureFinding.NOT_A_PICTURE)
    side = side or limits.photo_side
    with _in_words():
        if formats == HEIC:
            _check_pixels(heic.size(data), limits.pixels_heic, limits)
            return heic.decode(data, side)
        with _open(data, formats, limits) as picture:
            picture.draft("RGB", (side, side))
            picture.load()
            orientation = picture.getexif().get(0x112)
            small = _shrunk(picture, side)
    return _upright(small, orientation)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Whatever Pillow raises becomes PictureError."""
    try:
        yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(PictureFinding.TOO_MANY_PIXELS) from error
    except MALFORMED as error:
        raise PictureError(PictureFinding.DAMAGED) from error


def as_jpeg(picture: Image.Image, quality: int) -> bytes:
    """The picture as a JPEG made anew from the pixels: nothing else that came with a file is in it."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=quality)
    return data.getvalue()


def _formats(data: bytes, limits: Limits) -> tuple[str, ...]:
    """The Pillow formats that the beginning of the bytes allows. Raises PictureError for all other files."""
    if not data:
        raise PictureError(PictureFinding.EMPTY)
    if len(data) > limits.bytes:
        raise PictureError(PictureFinding.TOO_LARGE)
    formats = next((names for start, names in BEGINNINGS.items() if data.startswith(start)), None)
    if is_heic(data):
        formats = HEIC
    if formats is None or (formats == ("WEBP",) and data[8:12] != b"WEBP"):
        raise PictureError(PictureFinding.NOT_A_PICTURE)
    ends = (data[:WINDOW] + b"\0" + data[-WINDOW:]).lower()
    if any(sign in ends for sign in OTHER_FILES):
        raise PictureError(PictureFinding.MIXED)
    return formats


def _open(data: bytes, formats: tuple[str, ...], limits: Limits) -> Image.Image:
    """The picture, not decoded yet. Raises PictureError for what would take too much, or is too small for a face."""
    if formats == ("WEBP",):
        # Before Pillow opens it, for its reader takes memory for all pixels at once.
        if data[12:16] == b"VP8X" and data[20] & WEBP_ANIMATION:
            raise PictureError(PictureFinding.MIXED)
        _check_pixels(_webp_size(data), limits.pixels_webp, limits)
    picture = Image.open(io.BytesIO(data), formats=formats)
    is_jpeg = picture.format in ("JPEG", "MPO")  # MPO: the JPEGs of some phones; the first picture is taken
    shrinks = is_jpeg and _is_one_scan(data)
    _check_pixels(picture.size, limits.pixels if shrinks else limits.pixels_whole, limits)
    if not is_jpeg and getattr(picture, "is_animated", False):
        raise PictureError(PictureFinding.MIXED)
    # A progressive JPEG is decoded whole, once for each of its scans.
    if is_jpeg and data.count(START_OF_SCAN) > limits.scans:
        raise PictureError(PictureFinding.DAMAGED)
    return picture


def _check_pixels(size: tuple[int, int], most: int, limits: Limits) -> None:
    if size[0] * size[1] > most:
        raise PictureError(PictureFinding.TOO_MANY_PIXELS)
    if min(size) < limits.smallest_side:
        raise PictureError(PictureFinding.TOO_FEW_PIXELS)


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header of a WebP (RFC 9649), of whichever of its three kinds. Raises ValueError."""
    kind, start = data[12:16], data[20:30]
    if len(start) == 10 and kind == b"VP8X":
        return int.from_bytes(start[4:7], "little") + 1, int.from_bytes(start[7:10], "little") + 1
    if len(start) == 10 and kind == b"VP8 ":
        return int.from_bytes(start[6:8], "little") & 0x3FFF, int.from_bytes(start[8:10], "little") & 0x3FFF
    if len(start) == 10 and kind == b"VP8L":
        sides = int.from_bytes(start[1:5], "little")
        return (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    raise ValueError("no size")


def _is_one_scan(data: bytes) -> bool:
    """Whether a JPEG's first scan holds all of it, so that its decoder keeps a few rows only; False when in doubt."""
    place, channels = 2, None
    while data[place : place + 1] == b"\xff":
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in SEQUENTIAL_FRAMES:
            channels = data[place + 9]
        if marker == START_OF_SCAN[1]:
            return data[place + 4] == channels
        if length < 2 or marker < SEQUENTIAL_FRAMES[0] or marker in WITHOUT_LENGTH:
            return False
        place += 2 + length
    return False


def _shrunk(picture: Image.Image, side: int) -> Image.Image:
    """In RGB, on white, at most `side` pixels long. A few rows at a time: no second picture of the full size."""
    factor = max(1, max(picture.size) // (2 * side))
    width, height = picture.size
    small = Image.new("RGB", (math.ceil(width / factor), math.ceil(height / factor)))
    for top in range(0, height, ROWS * factor):
        strip = _opaque(picture.crop((0, top, width, min(top + ROWS * factor, height))))
        small.paste(strip.reduce(factor) if factor > 1 else strip, (0, top // factor))
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def _opaque(picture: Image.Image) -> Image.Image:
    """In RGB; what is transparent becomes white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    ground = Image.new("RGB", picture.size, "white")
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _upright(picture: Image.Image, orientation: int | None) -> Image.Image:
    """Turned as the camera says, in a new image that carries nothing but pixels."""
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)
    if orientation in range(2, 9):
        clean.getexif()[0x112] = orientation
        clean = ImageOps.exif_transpose(clean)
    clean.info.clear()
    return clean
