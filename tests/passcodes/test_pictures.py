"""Files that people upload as photos of faces, and what else arrives in their place."""

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageFile

from passcodes import faces, pictures
from passcodes.findings import Limits, PictureFinding
from passcodes.pictures import PictureError, inspect, load
from tests.passcodes.heic_files import heic
from tests.passcodes.people import astronaut, close, file, hopper


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
        "cut png",
    ],
)
def test_what_is_no_picture_of_a_face_is_named(data, finding):
    assert refusal(data) == finding


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


# HEIC, as iPhones take it


@cache
def portrait(**options):
    return heic(hopper(), **options)


def test_heic_is_read_upright_and_its_face_is_found():
    picture = load(portrait())
    assert (picture.mode, picture.size, picture.info) == ("RGB", (512, 576), {})
    difference = np.asarray(picture, float) - np.asarray(hopper().crop((0, 0, 512, 576)), float)
    assert np.abs(difference).mean() < 6
    assert faces.look(picture, Limits()).finding == "fine"
    assert load(portrait(), side=288).size == (256, 288)


def test_heic_in_tiles_is_read_whole():
    """As iPhones store it."""
    picture = load(heic(hopper(), tile=(256, 192)))
    assert picture.size == (512, 576)
    assert picture.tobytes() == load(portrait()).tobytes()


def test_heic_is_turned_as_the_camera_says():
    stored = load(portrait())
    for turns in range(4):
        picture = load(portrait(quarter_turns=turns))
        assert picture.tobytes() == stored.rotate(90 * turns, expand=True).tobytes(), turns


@pytest.mark.parametrize("size", [(30_000, 30_000), (5_000, 5_001), (2**32 - 1, 2**32 - 1)])
def test_heic_that_claims_too_many_pixels_is_refused_unopened(size):
    with pytest.raises(PictureError) as refused:
        inspect(portrait(claim=size))
    assert (refused.value.finding, refusal(portrait(claim=size))) == (PictureFinding.TOO_MANY_PIXELS,) * 2


def test_heic_of_a_strip_is_too_small():
    assert refusal(heic(Image.new("RGB", (320, 64)))) == PictureFinding.TOO_FEW_PIXELS


def test_heic_with_more_pixels_than_it_claims_is_refused():
    assert refusal(portrait(claim=(128, 128))) == PictureFinding.DAMAGED


@pytest.mark.parametrize("share", [0.0002, 0.0007, 0.01, 0.5, 0.999])
def test_heic_cut_short_is_refused(share):
    data = portrait()
    assert refusal(data[: max(int(len(data) * share), 12)]) == PictureFinding.DAMAGED


def test_heic_with_changed_bytes_ends_in_words():
    random = np.random.default_rng(4)
    for _ in range(8):
        data = bytearray(portrait())
        for place in random.integers(24, 600, 6):
            data[place] = random.integers(256)
        try:
            assert max(load(bytes(data)).size) <= 640
        except PictureError as error:
            assert error.finding in PictureFinding


def test_header_of_boxes_within_boxes_takes_no_time():
    box = b"\0\0\0\x08meta" * 200_000
    assert refusal(portrait()[:20] + box) == PictureFinding.DAMAGED


def test_heic_decoder_may_not_take_more_memory_than_it_is_given():
    assert pictures.heic.MEMORY <= 400_000_000

    def exit_code(memory):
        command = [sys.executable, "-I", str(pictures.heic.DECODER), "640", memory, "8"]
        return subprocess.run(command, input=portrait(), capture_output=True, env={}).returncode

    assert exit_code("400000000") == 0
    assert exit_code("40000000") != 0


def test_heic_decoder_gets_nothing_of_our_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("FIELD_KEYS", "secret")
    program = tmp_path / "decoder.py"
    program.write_text("import os, sys; open(sys.argv[0] + '.seen', 'w').write(str('FIELD_KEYS' in os.environ))")
    monkeypatch.setattr(pictures.heic, "DECODER", program)
    assert refusal(portrait()) == PictureFinding.DAMAGED
    assert (tmp_path / "decoder.py.seen").read_text() == "False"


def test_heic_decoder_that_hangs_is_stopped(monkeypatch, tmp_path):
    program = tmp_path / "decoder.py"
    program.write_text("import time; time.sleep(60)")
    monkeypatch.setattr(pictures.heic, "DECODER", program)
    monkeypatch.setattr(pictures.heic, "SECONDS", 0.3)
    assert refusal(portrait()) == PictureFinding.DAMAGED
