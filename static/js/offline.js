// Without network: draw the last code of the page that was asked for, with its age; others that are kept are one tap away.
import { loadDrawing } from "./drawing.js";
import { asOf, passOf, recall } from "./last_code.js";

const page = document.querySelector("[data-module~=offline]");
const state = page.querySelector("[data-part=state]");
const others = page.querySelector("[data-part=others]");

function show(code, draw) {
  for (const shown of page.querySelectorAll("[data-colour]")) shown.hidden = true;
  const card = page.querySelector(`[data-colour=${code.colour}]`);
  draw(card.querySelector("[data-part=qr]"), code.text);
  card.querySelector("[data-part=name]").textContent = code.name;
  card.querySelector("[data-part=document]").textContent = code.document;
  state.textContent = state.dataset.stale.replace("{time}", asOf(code.at, page.dataset.locale));
  page.querySelector("[data-part=none]").hidden = true;
  card.hidden = false;
}

function offer(code, draw) {
  const button = document.createElement("button");
  button.className = "button quiet";
  button.textContent = `${code.name} ${code.document}`;
  button.addEventListener("click", () => show(code, draw));
  others.append(button);
}

async function start() {
  const codes = recall();
  const asked = codes.find((code) => code.id === passOf(location)) ?? codes[0];
  const draw = await loadDrawing(new URL(page.dataset.drawing, location));
  if (!asked || !draw) return;
  show(asked, draw);
  if (codes.length > 1) for (const code of codes) offer(code, draw);
}

start();
window.addEventListener("online", () => location.reload());
