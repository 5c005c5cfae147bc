"""Draw a QR code (ISO/IEC 18004) as one SVG path."""

import re

import zxingcpp

DARK_RUN = re.compile(rb"\x00+")


def svg_path(text: str) -> tuple[int, str]:
    """The number of modules a side, and a path of horizontal strokes, one unit wide, through the dark modules.

    Level L: on a screen a shorter, coarser code reads better than error correction does.
    """
    barcode = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    image = barcode.to_image(scale=1, add_quiet_zones=False)
    size, pixels = image.shape[0], bytes(memoryview(image))
    strokes = [
        f"M{run.start()} {y}.5h{run.end() - run.start()}"
        for y in range(size)
        for run in DARK_RUN.finditer(pixels[y * size : (y + 1) * size])
    ]
    return size, "".join(strokes)
