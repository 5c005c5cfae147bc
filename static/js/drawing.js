// Draw a token's QR into the page's <svg>: level L, as the server draws it. Needs lean-qr, whose address the page gives.

export async function loadDrawing(url) {
  try {
    const { generate, mode, correction } = await import(url);
    const options = { modes: [mode.alphaNumeric], minCorrectionLevel: correction.L, maxCorrectionLevel: correction.L };
    return (svg, text) => draw(svg, generate(text, options));
  } catch {
    return null; // not installed, or an old browser: the page reloads instead
  }
}

function draw(svg, code) {
  let strokes = "";
  for (let y = 0; y < code.size; y++) {
    for (let x = 0; x < code.size; x++) if (code.get(x, y)) strokes += `M${x} ${y}.5h1`;
  }
  svg.setAttribute("viewBox", `-4 -4 ${code.size + 8} ${code.size + 8}`);
  svg.querySelector("path").setAttribute("d", strokes);
}
