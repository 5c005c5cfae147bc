"""A photo of a code, read on the server: for browsers without a camera or without our reader."""

import struct
from typing import BinaryIO

import zxingcpp
from django.utils.translation import gettext_lazy as _
from PIL import Image, WebPImagePlugin

MAX_BYTES = 10_000_000
MAX_SIDE = 1600  # pixels; the reader needs no more, and its time grows with the area
FORMATS = ("JPEG", "PNG", WebPImagePlugin.WebPImageFile.format, "GIF", "BMP")
SHRINKING = ("JPEG", "MPO")  # decoded at a fraction of their size; MPO is what some phones' JPEGs are called
MAX_PIXELS, MAX_PIXELS_SHRINKING = 16_000_000, 50_000_000
# A progressive JPEG is decoded whole, once for each of its scans: phones write about ten, a bomb thousands.
START_OF_SCAN, MAX_SCANS = b"\xff\xda", 40


class PhotoError(Exception):
    """No code could be read; `message` tells the person why, in words."""

    message = _("The picture could not be read.")


class NotAPicture(PhotoError):
    message = _("This file is not a picture that can be read here. Take a photo of the code, or choose a JPEG or PNG.")


class TooLarge(PhotoError):
    message = _("The picture is too large: at most 10 MB. Take the photo again from closer, or choose a smaller one.")


class NoCode(PhotoError):
    message = _("No code was found in the picture. Hold the phone closer and straight, without reflections.")


def read_code(file: BinaryIO, size: int) -> str:
    """The text of the QR code in a picture of `size` bytes; of several codes, a health code first.

    Raises NotAPicture, TooLarge or NoCode.
    """
    if size > MAX_BYTES:
        raise TooLarge
    found = zxingcpp.read_barcodes(_load(file), formats=zxingcpp.BarcodeFormat.QRCode)
    texts = sorted((code.text for code in found), key=lambda text: "/C/" not in text.upper())
    if not texts:
        raise NoCode
    return texts[0]


def _load(file: BinaryIO) -> Image.Image:
    """The picture in grey, shrunk. The reader finds codes turned and mirrored, so EXIF is left alone."""
    try:
        picture = Image.open(file, formats=FORMATS)
        shrinks = picture.format in SHRINKING and "progressive" not in picture.info
        if picture.width * picture.height > (MAX_PIXELS_SHRINKING if shrinks else MAX_PIXELS):
            raise TooLarge
        if picture.format in SHRINKING and _count(file, START_OF_SCAN) > MAX_SCANS:
            raise NotAPicture
        picture.draft("L", (MAX_SIDE, MAX_SIDE))
        picture.load()
        mode = "RGBA" if picture.has_transparency_data else "L"
        if picture.mode != mode:
            picture = picture.convert(mode)
        picture.thumbnail((MAX_SIDE, MAX_SIDE))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        # Pillow's decoders raise any of these on cut or malformed files.
        raise NotAPicture from error
    return _on_white(picture) if mode == "RGBA" else picture


def _count(file: BinaryIO, marker: bytes) -> int:
    """How often a marker stands in the file, which is left where it was."""
    position = file.tell()
    file.seek(0)
    count = file.read().count(marker)
    file.seek(position)
    return count


def _on_white(picture: Image.Image) -> Image.Image:
    """What is transparent becomes white: a code saved as PNG often has no ground of its own."""
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("L")
