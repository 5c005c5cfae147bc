"""Photos of codes, read on the server: what phones send, and what else arrives."""

import io
import struct
import zlib

import pytest
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from scanning import photos

TEXT = "HTTPS://EXAMPLE.ORG/C/" + "A2B4C6" * 27


def qr(text=TEXT, scale=8):
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    return Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=scale, add_quiet_zones=True))


def file(picture, kind="JPEG", **options):
    data = io.BytesIO()
    picture.save(data, kind, **options)
    data.seek(0)
    return data


def read(data):
    return photos.read_code(data, data.getbuffer().nbytes)


def on_desk(picture, width=1600, height=1200):
    """Somewhere on a grey photo."""
    photo = Image.new("L", (width, height), 120)
    photo.paste(picture, (width // 3, height // 4))
    return photo


@pytest.mark.parametrize(
    "change",
    [
        lambda code: code,
        lambda code: code.rotate(33, expand=True, fillcolor=255),
        lambda code: ImageOps.mirror(code).rotate(90),
        lambda code: code.filter(ImageFilter.GaussianBlur(2)),
        lambda code: ImageOps.invert(code),
        lambda code: on_desk(code.rotate(-12, expand=True, fillcolor=255)).filter(ImageFilter.GaussianBlur(1)),
    ],
    ids=["straight", "turned", "mirrored", "blurred", "dark", "on a desk"],
)
def test_jpeg_is_read(change):
    assert read(file(change(qr()), quality=60)) == TEXT


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP"])
def test_other_kinds_are_read(kind):
    assert read(file(qr(), kind)) == TEXT


def test_large_photo_is_shrunk_while_reading():
    photo = Image.new("L", (8000, 6000), 120)
    photo.paste(qr().resize((2400, 2400)), (2000, 2000))
    assert read(file(photo)) == TEXT


def test_turned_by_exif_is_read():
    exif = Image.Exif()
    exif[0x112] = 6
    assert read(file(qr().rotate(90), exif=exif)) == TEXT


def test_transparent_ground_is_white():
    code = Image.new("RGBA", qr().size, (0, 0, 0, 0))
    code.paste((0, 0, 0, 255), mask=ImageOps.invert(qr()))
    assert read(file(code, "PNG")) == TEXT


def test_health_code_goes_before_other_codes():
    both = Image.new("L", (1400, 500), 255)
    both.paste(qr("HTTPS://WWW.EXAMPLE.COM/SHOP"), (0, 0))
    both.paste(qr(), (700, 0))
    assert read(file(both)) == TEXT


def png_header(width, height):
    """A PNG that claims a size and brings little data."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


@pytest.mark.parametrize("size", [(30000, 30000), (12000, 8000), (5000, 4000)])
def test_decompression_bomb_is_refused_unopened(size):
    with pytest.raises(photos.TooLarge):
        read(png_header(*size))


def test_too_many_bytes_are_refused_unread():
    with pytest.raises(photos.TooLarge):
        photos.read_code(None, 10_000_001)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"\xff\xd8\xff\xe0 not a jpeg",
        file(qr()).getvalue()[:2000],
        png_header(400, 400).getvalue(),
        b"\0" * 5000,
    ],
    ids=["empty", "pdf", "svg", "jpeg in name", "cut jpeg", "cut png", "zeros"],
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(photos.NotAPicture):
        read(io.BytesIO(data))


@pytest.mark.parametrize("picture", [Image.new("L", (1, 1)), Image.new("RGB", (800, 600), "grey")])
def test_picture_without_a_code_is_told_so(picture):
    with pytest.raises(photos.NoCode):
        read(file(picture, "PNG"))


def test_barcode_of_another_kind_is_no_code():
    code = zxingcpp.create_barcode("12345678", zxingcpp.BarcodeFormat.Code128)
    with pytest.raises(photos.NoCode):
        read(file(Image.fromarray(zxingcpp.write_barcode_to_image(code, scale=3, add_quiet_zones=True)), "PNG"))


def test_progressive_bombs_are_refused_before_they_are_decoded():
    """A scan costs seventy bytes to send and the whole picture to decode."""
    data = file(Image.new("L", (64, 64)), progressive=True).getvalue()
    scan = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(photos.NotAPicture):
        read(io.BytesIO(data[:-2] + scan * 1000 + data[-2:]))


def test_large_progressive_pictures_are_refused():
    with pytest.raises(photos.TooLarge):
        read(file(Image.new("L", (5000, 4000)), progressive=True))
    assert read(file(on_desk(qr()), progressive=True)) == TEXT
