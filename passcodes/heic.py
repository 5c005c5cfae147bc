"""HEIC pictures, as iPhones take them: their size from the header, and their pixels from a process of its own.

Nothing here imports the decoder: a web process reads headers only.
"""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

DECODER = Path(__file__).with_name("heic_decoder.py")
MEMORY = 400_000_000  # bytes of address space; 24 MP took 283 MB of it, and 200 MB of memory, measured
SECONDS = 8  # 24 MP took 1.3, measured
BOXES = 10_000


def size(data: bytes) -> tuple[int, int]:
    """Width and height of the largest picture that the header tells of. Raises ValueError where it tells of none."""
    sizes = []
    for meta in _boxes(data, b"meta"):
        for properties in _boxes(meta[4:], b"iprp"):
            for container in _boxes(properties, b"ipco"):
                for extent in _boxes(container, b"ispe"):
                    sizes.append((int.from_bytes(extent[4:8], "big"), int.from_bytes(extent[8:12], "big")))
    return max(sizes, key=lambda extent: extent[0] * extent[1])


def decode(data: bytes, side: int) -> Image.Image:
    """The picture in RGB, upright, its longer side at most `side` pixels. Raises ValueError or OSError.

    A second or so for 12 MP. The process gets none of our environment: it reads what strangers sent.
    """
    command = [sys.executable, "-I", str(DECODER), str(side), str(MEMORY), str(SECONDS)]
    try:
        run = subprocess.run(
            command, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, timeout=SECONDS, check=True
        )
    except subprocess.SubprocessError as error:
        raise ValueError("not decoded") from error
    with Image.open(io.BytesIO(run.stdout), formats=("PPM",)) as picture:
        if max(picture.size) > side or picture.mode != "RGB":
            raise ValueError("not what was asked for")
        picture.load()
        picture.info.clear()
        return picture.copy()


def _boxes(data: bytes, kind: bytes) -> Iterator[bytes]:
    """What the boxes of this kind hold, of those that lie side by side (ISO/IEC 14496-12)."""
    place = 0
    for _ in range(BOXES):
        length, start = int.from_bytes(data[place : place + 4], "big"), 8
        if length == 1:
            length, start = int.from_bytes(data[place + 8 : place + 16], "big"), 16
        if length == 0:
            length = len(data) - place
        if length < start or place + length > len(data):
            return
        if data[place + 4 : place + 8] == kind:
            yield data[place + start : place + length]
        place += length
