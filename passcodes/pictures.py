"""Bytes in, a picture out: what people upload as photos of faces, and what else arrives in their place."""

import io
import struct

from PIL import Image, ImageOps

from passcodes import heic
from passcodes.findings import DEFAULT_LIMITS, Limits, PictureFinding

# What each file begins with. MPO is what Pillow calls the JPEGs of some phones; its first picture is taken.
BEGINNINGS = {b"\xff\xd8\xff": ("JPEG", "MPO"), b"\x89PNG\r\n\x1a\n": ("PNG",), b"RIFF": ("WEBP",)}
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1")
HEIC = ()  # no Pillow format: `heic` reads it
# A file that is a picture and something else too, for a program that looks elsewhere in it.
OTHER_FILES = (b"%pdf-", b"pk\x05\x06", b"<html", b"<script", b"<!doctype", b"<?php")
WINDOW = 65_600  # bytes at either end: the farthest that readers of zip files look
# Pillow's readers raise any of these on cut or malformed files.
MALFORMED = (OSError, SyntaxError, ValueError, EOFError, struct.error, OverflowError)
START_OF_SCAN = b"\xff\xda"


class PictureError(Exception):
    """The bytes are not taken as a picture; `finding` says why, its label in words."""

    def __init__(self, finding: PictureFinding):
        super().__init__(finding.value)
        self.finding = finding


def inspect(data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
    """Raise PictureError for what `load` would refuse by its beginning, its size or its header; decodes nothing."""
    formats = _formats(data, limits)
    try:
        if formats == HEIC:
            _check_pixels(heic.size(data), limits.pixels_heic, limits)
            return
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            _check_size(picture, data, limits)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(PictureFinding.TOO_MANY_PIXELS) from error
    except MALFORMED as error:
        raise PictureError(PictureFinding.DAMAGED) from error


def load(data: bytes, limits: Limits = DEFAULT_LIMITS, side: int | None = None) -> Image.Image:
    """The picture in RGB, upright, without metadata, its longer side at most `side` pixels (`limits.photo_side`).

    Reads JPEG, PNG, WebP and HEIC. Raises PictureError; what is too large is refused before it is decoded.
    """
    formats = _formats(data, limits)
    side = side or limits.photo_side
    try:
        if formats == HEIC:
            _check_pixels(heic.size(data), limits.pixels_heic, limits)
            return heic.decode(data, side)
        with Image.open(io.BytesIO(data), formats=formats) as picture:
            _check_size(picture, data, limits)
            picture.draft("RGB", (side, side))
            picture.load()
            orientation = picture.getexif().get(0x112)
            small = _opaque(picture)
            small.thumbnail((side, side), Image.Resampling.LANCZOS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(PictureFinding.TOO_MANY_PIXELS) from error
    except MALFORMED as error:
        raise PictureError(PictureFinding.DAMAGED) from error
    return _upright(small, orientation)


def _formats(data: bytes, limits: Limits) -> tuple[str, ...]:
    """The Pillow formats that the beginning of the bytes allows. Raises PictureError for all other files."""
    if not data:
        raise PictureError(PictureFinding.EMPTY)
    if len(data) > limits.bytes:
        raise PictureError(PictureFinding.TOO_LARGE)
    formats = next((names for start, names in BEGINNINGS.items() if data.startswith(start)), None)
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        formats = HEIC
    if formats is None or (formats == ("WEBP",) and data[8:12] != b"WEBP"):
        raise PictureError(PictureFinding.NOT_A_PICTURE)
    ends = (data[:WINDOW] + b"\0" + data[-WINDOW:]).lower()
    if any(sign in ends for sign in OTHER_FILES):
        raise PictureError(PictureFinding.MIXED)
    return formats


def _check_size(picture: Image.Image, data: bytes, limits: Limits) -> None:
    """Raise PictureError for what would take too much to decode, or is too small to show a face."""
    is_jpeg = picture.format in ("JPEG", "MPO")
    shrinks = is_jpeg and "progressive" not in picture.info
    _check_pixels(picture.size, limits.pixels if shrinks else limits.pixels_whole, limits)
    # A progressive JPEG is decoded whole, once for each of its scans.
    if is_jpeg and data.count(START_OF_SCAN) > limits.scans:
        raise PictureError(PictureFinding.DAMAGED)


def _check_pixels(size: tuple[int, int], most: int, limits: Limits) -> None:
    if size[0] * size[1] > most:
        raise PictureError(PictureFinding.TOO_MANY_PIXELS)
    if min(size) < limits.smallest_side:
        raise PictureError(PictureFinding.TOO_FEW_PIXELS)


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
