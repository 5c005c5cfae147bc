// The face check's page: draws each step as the server gives it, without a reload, and hands it to its module.

import { Client } from "./face-client.js";
import { linkBox } from "./face-link.js";
import { liveCheck } from "./face-live.js";
import { photoForm } from "./face-photo.js";

const FIRST = 700; // ms from one question for the state to the next
// The longest, by panel. Another phone may go on with a check that stands open here; somebody may agree at last.
const PAUSES = { waiting: 2000, photo: 2000, live: 2000, link: 2000, done: 10_000 };

const root = document.querySelector("[data-module~=face]");
const client = new Client(root.dataset.pageUrl, root.querySelector("[data-token] input").value);
const texts = (key) => root.querySelector(`[data-text="${key}"]`)?.textContent || "";
let step = null; // what the panel's module wants to know of: {busy, onState, close}
let watching = 0;

root.classList.add("is-scripted");
document.addEventListener("submit", onSubmit);
document.addEventListener("visibilitychange", () => document.hidden || watch());
begin();

/** Hand the panel that is there to its module. */
function begin() {
  const panel = root.querySelector("[data-panel]");
  const tools = { client, texts, say, refresh, watch, fail };
  step = { busy: false, onState() {}, close() {} };
  for (const form of panel.querySelectorAll("[data-photo-form]")) photoForm(form, tools);
  if (panel.dataset.panel === "live") step = liveCheck(panel, tools);
  if (panel.dataset.panel === "link") linkBox(panel.querySelector("[data-module~=face-link]"));
  if (panel.dataset.panel in PAUSES && !("over" in panel.dataset)) watch();
}

/** Ask where the check stands until it stands elsewhere than this page. */
async function watch() {
  const run = ++watching;
  const panel = root.querySelector("[data-panel]");
  const longest = PAUSES[panel.dataset.panel];
  if (!longest) return;
  let pause = panel.dataset.panel === "waiting" ? FIRST : longest;
  for (; run === watching; pause = Math.min(pause * 1.25, longest)) {
    await new Promise((resolve) => setTimeout(resolve, step.wantsState ? FIRST : pause));
    if (run !== watching || document.hidden) return;
    const state = await client.state().catch(() => null);
    if (run !== watching || !state) continue;
    if (state.next) return location.assign(state.next);
    if (state.error) return location.reload();
    show(panel, state);
    if (step.busy) continue;
    if (panel.dataset.panel === "live" && Boolean(state.limit) !== Boolean(panel.querySelector("[data-limit]"))) return refresh();
    if (group(state.state) !== group(panel.dataset.panelState)) return refresh();
  }
}

/** READY and LIVE are one step: who has the camera goes on, who looks on does not see it flicker. */
const group = (state) => (state === "live" ? "ready" : state);

function show(panel, state) {
  const place = panel.querySelector("[data-place]");
  if (place && place.textContent !== state.place_words) place.textContent = state.place_words;
  const ring = panel.querySelector("[data-ring]");
  if (ring && state.place !== null) {
    ring.first ??= state.place + 1;
    const done = Math.max(25, Math.round(100 * (1 - (state.place + 1) / (ring.first + 1))));
    ring.setAttribute("stroke-dasharray", `${done} ${100 - done}`);
  }
  step.onState(state);
}

/** Draw the step at which the check stands now; focus goes to its heading. */
async function refresh() {
  const run = ++watching;
  const html = await client.page().catch(() => null);
  if (run !== watching) return;
  if (!html) return setTimeout(() => run === watching && refresh(), PAUSES.waiting);
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = page.querySelector("[data-module~=face]");
  if (!fresh) return location.reload();
  step.close();
  document.querySelectorAll("main > .notice").forEach((message) => message.remove());
  root.before(...page.querySelectorAll("main > .notice"));
  root.querySelector("[data-panel]").replaceWith(fresh.querySelector("[data-panel]"));
  root.dataset.state = fresh.dataset.state;
  if (location.pathname !== root.dataset.pageUrl) history.replaceState(null, "", root.dataset.pageUrl);
  begin();
  const heading = root.querySelector("[data-heading]");
  heading?.focus();
  scrollTo(0, 0);
  const finding = root.querySelector("[data-finding]:not([hidden])");
  if (finding) say(finding.innerText);
}

/** Show what the server refused, large, where the step shows such things. */
function fail(answer) {
  const box = root.querySelector("[data-finding]");
  const title = answer.title || texts("other");
  if (!box) return say(title);
  box.dataset.finding = answer.error || "other";
  box.querySelector("[data-finding-title]").textContent = title;
  box.querySelector("[data-finding-advice]").textContent = answer.advice || "";
  box.hidden = false;
  box.scrollIntoView({ block: "nearest" });
  if (answer.error === "limit") root.querySelectorAll("[data-ways-box]").forEach((ways) => (ways.open = true));
}

/** For screen readers, at once; `spoken`: the page's own voice says it, so that it is not heard twice. */
function say(text, { spoken = false } = {}) {
  const line = root.querySelector("[data-say]");
  line.setAttribute("aria-live", spoken ? "off" : "assertive");
  if (line.textContent !== text) line.textContent = text;
}

/** Consent and withdrawal go without a reload. */
async function onSubmit(event) {
  const form = event.target;
  const button = form.querySelector("[data-consent], [data-withdraw]");
  if (!button || !root.contains(form)) return;
  event.preventDefault();
  button.disabled = true;
  try {
    await client.post(form.action, new FormData(form));
    refresh();
  } catch {
    form.submit();
  }
}
