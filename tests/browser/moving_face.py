"""A camera that shows a moving face, made from the photographs that come with the tests' packages.

No film of a person is at hand, so `turned` makes the turns (tests/passcodes/people.py says what that cannot show). The
stills are drawn on a canvas, which stands in for the camera and turns to wherever the page asks, with the noise of a
camera in every picture.
"""

import base64
import json
from functools import cache

from tests.passcodes.people import file, lively, turned

TURNS = (-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1)

SCRIPT = """
(() => {
  const stills = %s, turns = %s;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 480;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const images = [];
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  // Not as data: addresses, which the page's CSP refuses.
  const ready = Promise.all(stills.map((text) => createImageBitmap(new Blob([bytes(text)], { type: "image/jpeg" }))))
    .then((bitmaps) => images.push(...bitmaps));
  let turn = 0;
  function wanted() {
    const side = document.querySelector("[data-live-stage]")?.dataset.phase;
    return side === "left" ? 1 : side === "right" ? -1 : 0;
  }
  function draw() {
    if (!images.length) return;
    const target = wanted();
    turn += Math.sign(target - turn) * Math.min(Math.abs(target - turn), 0.25);
    const apart = turns.map((value) => Math.abs(value - turn));
    const nearest = apart.indexOf(Math.min(...apart));
    const shift = Math.round(Math.random() * 4 - 2);
    context.drawImage(images[nearest], shift, shift, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < pixels.data.length; i += 4) {
      const noise = (Math.random() - 0.5) * 14;
      pixels.data[i] += noise; pixels.data[i + 1] += noise; pixels.data[i + 2] += noise;
    }
    context.putImageData(pixels, 0, 0);
  }
  setInterval(draw, 100);
  const stream = () => canvas.captureStream(10);
  navigator.mediaDevices.getUserMedia = async () => { await ready; draw(); return stream(); };
})();
"""


@cache
def script(who) -> str:
    """What to run in a page before its own scripts, so that its camera shows this person."""
    stills = [lively(turned(who, turn), number) for number, turn in enumerate(TURNS)]
    texts = [base64.b64encode(file(still, quality=92)).decode() for still in stills]
    return SCRIPT % (json.dumps(texts), json.dumps(TURNS))


@cache
def photo(who) -> bytes:
    """A photo of the same person, taken at another moment."""
    return file(lively(turned(who, -0.25), 99, light=0.85).resize((900, 900)), quality=90)
