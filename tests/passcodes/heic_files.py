"""HEIC files without an encoder: no package here can write one, and no face may lie in the repository.

A picture is stored as HEVC allows it, uncompressed (PCM), in slices of one block of 32 x 32 pixels: then the arithmetic
coder says the same few bits in each, which stand here as constants. ISO/IEC 14496-12, 23008-12; ITU-T H.265.
"""

import numpy as np
from PIL import Image

BLOCK = 32
# "One undivided block, uncompressed" and "the slice ends", from ITU-T H.265 9.3 with the coder's initial state.
UNCOMPRESSED, END = b"\x86\x80", b"\xfe\x80"


def heic(
    picture: Image.Image,
    *,
    quarter_turns: int = 0,
    claim: tuple[int, int] | None = None,
    tile: tuple[int, int] | None = None,
) -> bytes:
    """The picture as a HEIC file, cut to whole blocks. `quarter_turns`: to the left, for whoever shows it.

    `claim`: another size in the header than the picture's. `tile`: the size of tiles that fill it, as phones do it.
    """
    width, height = (side // BLOCK * BLOCK for side in picture.size)
    across, down = tile or (width, height)
    corners = [(left, top) for top in range(0, height, down) for left in range(0, width, across)]
    coded = [_coded(picture.crop((left, top, left + across, top + down))) for left, top in corners]
    properties = _box(
        b"ipco",
        _box(b"hvcC", _configuration(across, down)),
        _full(b"ispe", _sides(across, down) if tile else _sides(*(claim or (width, height)))),
        _box(b"irot", bytes([quarter_turns])),
        _full(b"ispe", _sides(width, height)),
    )
    items = [(b"hvc1", data, b"\x81\x02" if tile else b"\x81\x02\x83") for data in coded]
    references = b""
    if tile:
        grid = bytes([0, 0, height // down - 1, width // across - 1])
        items.append((b"grid", grid + width.to_bytes(2, "big") + height.to_bytes(2, "big"), b"\x04\x83"))
        parts = b"".join(_number(number) for number in range(1, len(items)))
        references = _full(b"iref", _box(b"dimg", _number(len(items)) + _number(len(items) - 1) + parts))
    start = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    main = _number(len(items))  # the only one, or the grid

    def meta(offset: int) -> bytes:
        places = uses = infos = b""
        for number, (kind, data, used) in enumerate(items, start=1):
            extent = offset.to_bytes(4, "big") + len(data).to_bytes(4, "big")
            places += _number(number) + b"\0\0\0\1" + extent
            uses += _number(number) + bytes([len(used)]) + used
            infos += _full(b"infe", _number(number) + b"\0\0" + kind + b"\0", version=2)
            offset += len(data)
        return _full(
            b"meta",
            _full(b"hdlr", bytes(4) + b"pict" + bytes(13))
            + _full(b"pitm", main)
            + _full(b"iloc", b"\x44\0" + main + places)
            + _full(b"iinf", main + infos)
            + references
            + _box(b"iprp", properties, _full(b"ipma", b"\0\0" + main + uses)),
        )

    data = b"".join(data for _kind, data, _used in items)
    return start + meta(len(start) + len(meta(0)) + 8) + _box(b"mdat", data)


def _coded(picture: Image.Image) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in _slices(picture))


def _configuration(width: int, height: int) -> bytes:
    fixed = bytes.fromhex("01 01 60000000 900000000000 78 F000 FC FD F8 F8 0000 0F 03")
    sets = _parameter_sets(width, height)
    return fixed + b"".join(bytes([0x80 | kind, 0, 1]) + _number(len(unit)) + unit for kind, unit in sets)


def _sides(width: int, height: int) -> bytes:
    return width.to_bytes(4, "big") + height.to_bytes(4, "big")


def _number(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def _full(kind: bytes, body: bytes, version: int = 0) -> bytes:
    return _box(kind, bytes([version, 0, 0, 0]), body)


def _slices(picture: Image.Image) -> list[bytes]:
    """One for each block, row by row."""
    luma, blue, red = (np.asarray(channel, float) for channel in picture.convert("YCbCr").split())
    luma, blue, red = 16 + luma * 219 / 255, 128 + (blue - 128) * 224 / 255, 128 + (red - 128) * 224 / 255
    across, down = picture.width // BLOCK, picture.height // BLOCK
    digits = (across * down - 1).bit_length()
    found = []
    for number in range(across * down):
        y, x = number // across * BLOCK, number % across * BLOCK
        place = f"{number:0{digits}b}" if number else ""
        header = f"{int(number == 0)}0" + _ue(0) + place + _ue(2) + _ue(0)
        planes = (
            luma[y : y + BLOCK, x : x + BLOCK],
            *(plane[y : y + BLOCK, x : x + BLOCK].reshape(16, 2, 16, 2).mean((1, 3)) for plane in (blue, red)),
        )
        samples = b"".join(plane.astype("uint8").tobytes() for plane in planes)
        found.append(_unit(19, _bytes(header) + UNCOMPRESSED + samples + END))
    return found


def _parameter_sets(width: int, height: int) -> list[tuple[int, bytes]]:
    """How the slices are to be read: Main profile, blocks of 32, uncompressed ones allowed, no filters."""
    profile = f"{1:08b}{0x60000000:032b}1001" + "0" * 44 + f"{120:08b}"
    order = "1" + _ue(0) * 3
    video = "0000110000000001" + "1" * 16 + profile + order + "000000" + _ue(0) + "00"
    sequence = "00000001" + profile + _ue(0) + _ue(1) + _ue(width) + _ue(height) + "0" + _ue(0) * 3 + order
    sequence += _ue(2) + _ue(0) + _ue(0) + _ue(3) + _ue(0) * 2 + "000101110111" + _ue(2) + _ue(0) + "1" + _ue(0)
    sequence += "00000"
    pictures = _ue(0) * 2 + "0000000" + _ue(0) * 3 + "000" + _ue(0) * 2 + "000000010100" + _ue(0) + "00"
    return [(kind, _unit(kind, _bytes(bits))) for kind, bits in ((32, video), (33, sequence), (34, pictures))]


def _ue(value: int) -> str:
    """Exponential Golomb code; 0 is the same signed."""
    digits = f"{value + 1:b}"
    return "0" * (len(digits) - 1) + digits


def _bytes(bits: str) -> bytes:
    """With the bit that ends what is coded, and zeros to a whole byte."""
    bits += "1"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _unit(kind: int, body: bytes) -> bytes:
    """A NAL unit, with the bytes that keep start codes out."""
    safe, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            safe.append(3)
            zeros = 0
        safe.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes([kind << 1, 1]) + bytes(safe)
