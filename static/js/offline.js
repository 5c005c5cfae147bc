// Without network: draw the last code that this phone has kept, with its age.
import { loadDrawing } from "./drawing.js";
import { asOf, recall } from "./last_code.js";

const page = document.querySelector("[data-module~=offline]");

async function show() {
  const last = recall();
  const draw = await loadDrawing(new URL(page.dataset.drawing, location));
  if (!last || !draw) return;
  const card = page.querySelector(`[data-colour=${last.colour}]`);
  const state = page.querySelector("[data-part=state]");
  draw(card.querySelector("[data-part=qr]"), last.text);
  card.querySelector("[data-part=name]").textContent = last.name;
  card.querySelector("[data-part=document]").textContent = last.document;
  state.textContent = state.dataset.stale.replace("{time}", asOf(last.at, page.dataset.locale));
  page.querySelector("[data-part=none]").hidden = true;
  card.hidden = false;
}

show();
window.addEventListener("online", () => location.reload());
