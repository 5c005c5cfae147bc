// A photo: shrunk here, since phones' pictures are large and networks slow, and sent as soon as it is chosen.

const LONG_SIDE = 1280; // pixels
const QUALITY = 0.88;

export function photoForm(form, { client, texts, say, refresh, fail }) {
  const sending = form.querySelector("[data-photo-sending]");
  const words = form.querySelector("[data-photo-words]");
  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => send(input));
    send(input); // chosen before this script had come
  }

  async function send(input) {
    if (!input.files.length) return;
    tell("preparing");
    const photo = await shrink(input.files[0]);
    input.value = "";
    if (photo.size > Number(form.dataset.largest)) {
      tell(null);
      return fail({ error: "too_large", title: texts("too-large") });
    }
    const body = new FormData();
    body.set("photo", photo, photo.name || "photo.jpg");
    tell("sending-photo");
    try {
      const answer = await client.post("photo/", body);
      tell(null);
      if (answer.error && answer.error !== "not_now") return fail(answer);
      refresh();
    } catch {
      tell(null);
      fail({ error: "network", title: texts("photo-failed") });
    }
  }

  /** Say what goes on; null = nothing any more. */
  function tell(key) {
    form.classList.toggle("is-busy", key !== null);
    sending.hidden = key === null;
    words.textContent = key ? texts(key) : "";
    if (key) say("");
  }
}

/** As a JPEG, upright, without metadata; what this browser cannot read (HEIC, mostly) as it is: the server judges it. */
async function shrink(file) {
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONG_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(bitmap.width * scale);
    canvas.height = Math.round(bitmap.height * scale);
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff"; // under what is transparent
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    return (await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY))) || file;
  } catch {
    return file;
  }
}
