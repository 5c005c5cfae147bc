// The code reader: zxing as WebAssembly, from our own server.

const OPTIONS = { formats: ["QRCode"], maxNumberOfSymbols: 1 };

/** Load and warm up the reader. -> a function from ImageData to the code's text, or null. Throws if it cannot be had. */
export async function loadReader(wasm) {
  const zxing = globalThis.ZXingWASM;
  if (!wasm || !zxing) throw new Error("no reader");
  zxing.prepareZXingModule({ overrides: { locateFile: () => wasm } });
  const read = async (image) => (await zxing.readBarcodes(image, OPTIONS))[0]?.text || null;
  await read(new ImageData(64, 64)); // the first call compiles, which takes up to half a second
  return read;
}
