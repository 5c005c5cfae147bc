"""HEIC pictures, as iPhones take them: their size from the header, and their pixels from a process of its own.

Nothing here imports the decoder: a web process reads headers only.
"""

import contextlib
import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

DECODER = Path(__file__).with_name("heic_decoder.py")
MEMORY = 400_000_000  # bytes of address space; 24 MP took 283 MB of it, and 200 MB of memory, measured
SECONDS = 3  # of CPU; 24 MP took 1.3, measured
WAIT = 5  # seconds by the clock
TILES = 200  # parts that pictures of a file are put together from; a phone's 24 MP have 108, and its light map some 30
PPM_HEADER = 30  # bytes at most
BOXES = 10_000


def size(data: bytes) -> tuple[int, int]:
    """Width and height of the largest picture that the header tells of.

    Raises ValueError where it tells of none, or of more tiles than cameras make: each takes time, in small files too.
    """
    sizes, tiles = [], 0
    for meta in _boxes(data, b"meta"):
        tiles += sum(_tiles(references) for references in _boxes(meta[4:], b"iref"))
        for properties in _boxes(meta[4:], b"iprp"):
            for container in _boxes(properties, b"ipco"):
                for extent in _boxes(container, b"ispe"):
                    sizes.append((int.from_bytes(extent[4:8], "big"), int.from_bytes(extent[8:12], "big")))
    if tiles > TILES:
        raise ValueError("too many tiles")
    return max(sizes, key=lambda extent: extent[0] * extent[1])


def decode(data: bytes, side: int) -> Image.Image:
    """The picture in RGB, upright, its longer side at most `side` pixels. Raises ValueError or OSError.

    A second or so for 12 MP. The process gets none of our environment: it reads what strangers sent.
    """
    with Image.open(io.BytesIO(_decoded(data, side)), formats=("PPM",)) as picture:
        if max(picture.size) > side or picture.mode != "RGB":
            raise ValueError("not what was asked for")
        picture.load()
        picture.info.clear()
        return picture.copy()


def _decoded(data: bytes, side: int) -> bytes:
    """What the decoder writes. Raises ValueError if it fails, takes longer than WAIT or writes more than asked for."""
    command = [sys.executable, "-I", str(DECODER), str(side), str(MEMORY), str(SECONDS)]
    most = side * side * 3 + PPM_HEADER
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, close_fds=True
    ) as process:
        alarm = threading.Timer(WAIT, process.kill)
        feeder = threading.Thread(target=_feed, args=(process.stdin, data))
        try:
            alarm.start()
            feeder.start()
            out = process.stdout.read(most + 1)
            if len(out) > most or process.wait() != 0:
                raise ValueError("not decoded")
            return out
        finally:
            alarm.cancel()
            process.kill()  # nothing where it has ended
            if feeder.ident:
                feeder.join()


def _feed(pipe: BinaryIO, data: bytes) -> None:
    with contextlib.suppress(OSError), pipe:  # it may end before it has read all
        pipe.write(data)


def _tiles(references: bytes) -> int:
    """How many parts the derived pictures name, in what an `iref` box holds (ISO/IEC 14496-12, 8.11.12)."""
    digits = 2 if references[:1] == b"\0" else 4
    return sum(int.from_bytes(derived[digits : digits + 2], "big") for derived in _boxes(references[4:], b"dimg"))


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
