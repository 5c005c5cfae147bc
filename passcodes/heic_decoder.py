"""Decodes one HEIC picture, as a program of its own: bytes in on standard input, a small PPM out on standard output.

The decoder takes much memory and reads what strangers sent, so it is given bounds of memory, time and files, and
imports nothing of ours. `heic.decode` starts it with the longest side in pixels, bytes of memory, seconds.
"""

import contextlib
import io
import resource
import sys

side, memory, seconds = (int(argument) for argument in sys.argv[1:])
# Before the libraries are loaded, so that it holds for them too.
for kind, most in (
    (resource.RLIMIT_AS, memory),
    (resource.RLIMIT_CPU, seconds),
    (resource.RLIMIT_FSIZE, 0),
    (resource.RLIMIT_CORE, 0),
):
    with contextlib.suppress(ValueError, OSError):  # not every system knows each
        resource.setrlimit(kind, (most, most))

import pi_heif  # noqa: E402
from PIL import Image  # noqa: E402

pi_heif.options.DECODE_THREADS = 1
pi_heif.options.THUMBNAILS = pi_heif.options.DEPTH_IMAGES = pi_heif.options.AUX_IMAGES = False

data = io.BytesIO(sys.stdin.buffer.read())
heif = pi_heif.open_heif(data, convert_hdr_to_8bit=True)  # the main picture, upright
picture = Image.frombuffer(heif.mode, heif.size, heif.data, "raw", heif.mode, heif.stride)
if picture.mode != "RGB":
    picture = picture.convert("RGB")
picture.thumbnail((side, side), Image.Resampling.LANCZOS)
picture.save(sys.stdout.buffer, "PPM")
