// Without the camera: a photo, typed text, a scanner gun. The form works without this too; here it stays on the page.

const LONG_SIDE = 1600; // pixels, as the server would shrink it: a tenth of the bytes on a slow network

/** `onText(text)` for what was typed or read in a photo; `say(key | text)` for what goes on. */
export function otherWays(details, { onText, say, texts }) {
  const form = details.querySelector("form");
  const [photo, text] = [form.elements.photo, form.elements.text];

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (text.value.trim()) {
      onText(text.value);
      text.value = "";
    } else if (photo.files.length) {
      send();
    }
  });
  photo.addEventListener("change", () => photo.files.length && send());
  form.querySelector("[data-send-photo]").hidden = true;

  // A scanner gun types without asking where: its first character finds the field.
  document.addEventListener("keydown", (event) => {
    const typing = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey && event.key !== " ";
    if (typing && !event.target.closest("input, [data-overlay]")) {
      details.open = true;
      text.focus();
    }
  });

  async function send() {
    say(texts("reading-photo"));
    const body = new FormData(form);
    body.delete("text");
    body.set("photo", await shrink(photo.files[0]), "photo.jpg");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const { text: found, error } = await answer.json();
      say(error || "");
      if (found) onText(found);
    } catch {
      say(texts("photo-failed"));
    }
    photo.value = "";
  }

  return { focusText: () => text.focus({ preventScroll: true }) };
}

async function shrink(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, LONG_SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width * scale;
    canvas.height = bitmap.height * scale;
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    return (await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85))) || file;
  } catch {
    return file; // the server judges it
  }
}
