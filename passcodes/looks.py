"""Whether live pictures came before, saved anew: keyed hashes of how they look, for the worker.

A look is the signs of 384 middle frequencies of the picture (a discrete cosine transform of its middle), in 16 bands of
24. Saving anew, resizing and light leave nearly all signs as they are; a head that moves by a pixel changes many. Kept
are keyed hashes of the bands, so that bands can be equal and nothing else. docs/faces.md has what was measured.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from healthpass.lib.encryption import keyed_hash

SIDE = 80  # pixels that a picture is reduced to
FREQUENCIES = 24, 40  # half waves a picture, from and to: of faces' features, which are finer than what is behind them
BANDS, BITS = 16, 24
DIGITS = 8  # of each band's hash
BANDS_SEEN = 6  # from which on two pictures are one
SHARE_SEEN = 0.5  # of the pictures of a session, from which on it came before


def look(picture: Image.Image) -> str:
    """Keyed hashes of the bands, one after the other; empty for a picture without anything in it."""
    signs = _signs(picture)
    if signs is None:
        return ""
    bands = (f"{number}:{np.packbits(band).tobytes().hex()}" for number, band in enumerate(signs))
    return "".join(keyed_hash("face-look", band)[:DIGITS] for band in bands)


def came_before(looks: Sequence[str], earlier: Iterable[Sequence[str]]) -> bool:
    """Whether one of the earlier sessions has at least half of these pictures, in whatever order."""
    return any(share_seen(looks, session) >= SHARE_SEEN for session in earlier)


def share_seen(looks: Sequence[str], earlier: Sequence[str]) -> float:
    """How many of the pictures an earlier session has, 0 to 1."""
    new, old = _bands(looks), _bands(earlier)
    if not len(new) or not len(old):
        return 0.0
    alike = (new[:, None] == old[None]).sum(axis=2).max(axis=1)
    return float((alike >= BANDS_SEEN).sum() / len(looks))


def _bands(looks: Sequence[str]) -> np.ndarray:
    """A row a picture, a number a band."""
    whole = b"".join(bytes.fromhex(look) for look in looks)
    return np.frombuffer(whole, dtype=">u4").reshape(-1, BANDS)


def _signs(picture: Image.Image) -> np.ndarray | None:
    """A row of booleans a band."""
    grey = np.asarray(picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BICUBIC), float)
    grey = grey - grey.mean()
    if grey.std() < 1:
        return None
    frequencies = (_COSINES @ (grey * _MIDDLE) @ _COSINES.T)[_WITHIN]
    return (frequencies > 0)[_ORDER]


_AXIS = np.arange(SIDE)
_COSINES = np.cos(np.pi * (_AXIS[None] + 0.5) * _AXIS[:, None] / SIDE)
_MIDDLE = np.outer(np.hanning(SIDE + 2)[1:-1], np.hanning(SIDE + 2)[1:-1])  # the face counts, what is around it less
_DISTANCE = np.hypot(_AXIS[None], _AXIS[:, None])
_WITHIN = (FREQUENCIES[0] <= _DISTANCE) & (FREQUENCIES[1] > _DISTANCE)
# Evenly among them, in turns to each band, since neighbours change together. This must stay: kept looks go by it.
_ORDER = np.linspace(0, _WITHIN.sum() - 1, BANDS * BITS).astype(int).reshape(BITS, BANDS).T
