"""Files that people upload as photos of faces, and what else arrives in their place."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from functools import cache

import pytest
from hypothesis import given, settings, strategies
from PIL import Image, ImageFile

from passcodes import faces
from passcodes.findings import Limits, PictureFinding
from passcodes.pictures import PictureError, as_jpeg, inspect, load
from tests.passcodes.people import astronaut, close, file


def refusal(data, **options):
    with pytest.raises(PictureError) as refused:
        load(data, **options)
    return refused.value.finding


@pytest.mark.parametrize(
    ("kind", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {})]
)
def test_usual_kinds_are_read_and_shrunk(kind, options):
    picture = load(file(astronaut().resize((1500, 1000)), kind, **options))
    assert (picture.mode, picture.size) == ("RGB", (640, 427))
    assert load(file(astronaut(), kind), side=320).size == (320, 320)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK"])
def test_other_colour_modes_become_rgb(mode):
    kind = "PNG" if mode != "CMYK" else "JPEG"
    assert load(file(close(astronaut).convert(mode), kind)).mode == "RGB"


def test_transparent_ground_is_white():
    assert load(file(Image.new("RGBA", (100, 100), (0, 0, 0, 0)), "PNG")).getpixel((5, 5)) == (255, 255, 255)


def test_orientation_is_honoured_and_metadata_is_dropped():
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = 6, "Maker"
    picture = load(file(Image.new("RGB", (400, 200)), exif=exif, comment=b"at home"))
    assert picture.size == (200, 400)
    assert (dict(picture.getexif()), picture.info) == ({}, {})


def test_every_orientation_brings_back_the_upright_picture():
    """Stored as each way of holding the camera stores it."""
    upright = Image.new("RGB", (160, 120), "white")
    upright.paste("red", (0, 0, 60, 40))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        stored = {
            1: upright,
            2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            3: upright.transpose(Image.Transpose.ROTATE_180),
            4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
            5: upright.transpose(Image.Transpose.TRANSPOSE),
            6: upright.transpose(Image.Transpose.ROTATE_90),
            7: upright.transpose(Image.Transpose.TRANSVERSE),
            8: upright.transpose(Image.Transpose.ROTATE_270),
        }[orientation]
        assert load(file(stored, "PNG", exif=exif)).tobytes() == upright.tobytes(), orientation


def test_jpeg_made_anew_holds_pixels_only():
    exif = Image.Exif()
    exif[0x10F] = "Maker"
    picture = load(file(Image.new("RGB", (400, 200), "red"), exif=exif, comment=b"at home"))
    data = as_jpeg(picture, 90)
    assert b"Exif" not in data and b"at home" not in data
    assert Image.open(io.BytesIO(data)).size == (400, 200)
    assert len(as_jpeg(picture, 30)) < len(data)


def png_header(width, height):
    """A PNG that claims a size and brings little data."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(30_000, 30_000), (9_000, 9_000), (5_000, 5_000)])
def test_decompression_bombs_are_refused_unopened(size):
    assert refusal(png_header(*size)) == PictureFinding.TOO_MANY_PIXELS


def test_large_jpegs_of_phones_are_read():
    assert load(file(Image.new("RGB", (8000, 6000)))).size == (640, 480)
    assert refusal(file(Image.new("L", (8000, 6300)))) == PictureFinding.TOO_MANY_PIXELS
    assert refusal(file(Image.new("L", (6000, 5000)), progressive=True)) == PictureFinding.TOO_MANY_PIXELS


def test_pictures_that_move_are_refused():
    pictures = [Image.new("RGB", (200, 200), colour) for colour in ("red", "white")]
    for kind in ("WEBP", "PNG"):
        moving = file(pictures[0], kind, save_all=True, append_images=pictures[1:])
        for read in (inspect, load):
            with pytest.raises(PictureError) as refused:
                read(moving)
            assert refused.value.finding == PictureFinding.MIXED, kind
    assert load(file(pictures[0], "MPO", save_all=True, append_images=pictures[1:])).size == (200, 200)


@pytest.mark.parametrize(
    ("kind", "most", "options"),
    [
        ("PNG", (4000, 3000), {}),
        ("JPEG", (4000, 3000), {"progressive": True}),
        ("WEBP", (3200, 2500), {"lossless": True, "method": 0}),
        ("WEBP", (3200, 2500), {"quality": 1, "method": 0}),
        ("WEBP", (3200, 2500), {"quality": 1, "method": 0, "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
    ],
)
def test_what_is_decoded_whole_may_have_fewer_pixels(kind, most, options):
    assert load(file(Image.new("RGB", most), kind, **options)).width == 640
    assert refusal(file(Image.new("RGB", (most[0] + 1, most[1])), kind, **options)) == PictureFinding.TOO_MANY_PIXELS


def test_jpeg_in_several_scans_counts_as_decoded_whole():
    """Progressive or not, its decoder keeps all of it until the last one."""
    data = file(Image.new("RGB", (4001, 3000)))
    assert load(data).size == (640, 480)
    scan = data.index(b"\xff\xda\x00\x0c\x03")
    assert refusal(data[:scan] + b"\xff\xda\x00\x08\x01" + data[scan + 5 :]) == PictureFinding.TOO_MANY_PIXELS
    assert refusal(data[:2] + b"\xff" + data[2:]) == PictureFinding.TOO_MANY_PIXELS  # filled up, so that it is unclear


MEMORY = """
import resource, sys
from passcodes import pictures
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
pictures.load(data, side=1600)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="kilobytes on Linux alone")
@pytest.mark.parametrize(
    ("kind", "mode", "size", "options"),
    [
        ("PNG", "RGBA", (4000, 3000), {}),
        ("JPEG", "CMYK", (4000, 3000), {"progressive": True}),
        ("WEBP", "RGBA", (3200, 2500), {"lossless": True, "method": 0}),
    ],
)
def test_largest_pictures_take_little_memory(kind, mode, size, options):
    """With the worker's 200 MB it stays below 400."""
    data = file(Image.new(mode, size, (9, 9, 9, 99)), kind, **options)
    program = "import django; django.setup()\n" + MEMORY
    environment = {**os.environ, "DEBUG": "true", "DJANGO_SETTINGS_MODULE": "healthpass.settings"}
    run = subprocess.run([sys.executable, "-c", program], input=data, capture_output=True, env=environment, check=True)
    assert int(run.stdout) < 180_000


def test_progressive_bombs_are_refused_before_they_are_decoded():
    data = file(Image.new("L", (100, 100)), progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    assert refusal(data[:-2] + scan * 1000 + data[-2:]) == PictureFinding.DAMAGED


def test_eight_megabytes_are_the_most():
    data = file(close(astronaut))
    assert load(data + b"\0" * (8_000_000 - len(data))).size == (320, 320)
    assert refusal(data + b"\0" * (8_000_001 - len(data))) == PictureFinding.TOO_LARGE


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", PictureFinding.EMPTY),
        (b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", PictureFinding.NOT_A_PICTURE),
        (b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"/>', PictureFinding.NOT_A_PICTURE),
        (file(close(astronaut), "GIF"), PictureFinding.NOT_A_PICTURE),
        (file(close(astronaut), "BMP"), PictureFinding.NOT_A_PICTURE),
        (b"RIFF\0\0\0\0AVI LIST", PictureFinding.NOT_A_PICTURE),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", PictureFinding.DAMAGED),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avif", PictureFinding.NOT_A_PICTURE),
        (file(Image.new("RGB", (1, 1)), "PNG"), PictureFinding.TOO_FEW_PIXELS),
        (file(Image.new("RGB", (4000, 79))), PictureFinding.TOO_FEW_PIXELS),
        (b"\xff\xd8\xff\xe0 not a jpeg", PictureFinding.DAMAGED),
        (b"\xff\xd8\xff", PictureFinding.DAMAGED),
        (png_header(400, 400), PictureFinding.DAMAGED),
    ],
    ids=[
        "empty",
        "pdf",
        "svg",
        "gif",
        "bmp",
        "avi",
        "heic in name",
        "avif",
        "pixel",
        "strip",
        "jpeg in name",
        "jpeg's first bytes",
        "cut png",
    ],
)
def test_what_is_no_picture_of_a_face_is_named(data, finding):
    assert refusal(data) == finding


def with_checksums(data):
    """A PNG whose chunks are all said to be whole, so that what they hold is read."""
    out, place = data[:8], 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        out += data[place:end] + struct.pack(">I", zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return out + data[place:]


@cache
def every_kind():
    picture, exif = Image.effect_noise((100, 96), 60).convert("RGB"), Image.Exif()
    exif[0x112], exif[0x11A], exif[0x10E] = 6, 72.0, "words"
    return (
        file(picture, exif=exif, icc_profile=b"x" * 200),
        file(picture, progressive=True),
        file(picture, "MPO", save_all=True, append_images=[picture], exif=exif),
        file(picture, "PNG", exif=exif),
        file(picture.convert("P"), "PNG", transparency=bytes(range(256))),
        file(picture, "WEBP", exif=exif),
        file(picture.convert("RGBA"), "WEBP", lossless=True),
    )


@pytest.mark.filterwarnings("ignore")  # Pillow's, of EXIF that it cannot read
@settings(max_examples=400)
@given(
    kind=strategies.integers(0, 6),
    changes=strategies.lists(
        strategies.tuples(strategies.integers(3, 700), strategies.binary(max_size=4), strategies.integers(0, 8)),
        min_size=1,
        max_size=8,
    ),
)
def test_whatever_bytes_are_changed_it_is_a_picture_or_refused_in_words(kind, changes):
    data = every_kind()[kind]
    for place, new, gone in changes:
        data = data[:place] + new + data[place + gone :]
    for read in (inspect, load):
        with contextlib.suppress(PictureError):
            read(with_checksums(data) if data.startswith(b"\x89PNG") else data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_pictures_cut_short_are_refused(kind, share):
    """Importing face_recognition tells Pillow to take them."""
    data = file(close(astronaut), kind)
    assert refusal(data[: int(len(data) * share)]) == PictureFinding.DAMAGED
    assert (faces.load, ImageFile.LOAD_TRUNCATED_IMAGES) == (load, False)


def zipped():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a.txt", "text")
    return data.getvalue()


@pytest.mark.parametrize("other", [zipped(), b"<HTML><body>", b"<script>alert(1)</script>", b"%PDF-1.7 "])
def test_files_that_are_something_else_too_are_refused(other):
    data = file(close(astronaut))
    assert refusal(data + other) == PictureFinding.MIXED
    assert refusal(file(close(astronaut), comment=other)) == PictureFinding.MIXED


def test_phones_append_a_film_to_their_photos():
    assert load(file(close(astronaut)) + b"\0\0\0\x18ftypmp42" + b"\x07" * 100_000).size == (320, 320)


def test_limits_are_the_callers():
    assert refusal(file(close(astronaut)), limits=Limits(bytes=1000)) == PictureFinding.TOO_LARGE
