// Keep the open code page live: renew the token, run the clock, keep the screen awake, remember the last code.
import { loadDrawing } from "./drawing.js";
import { asOf, drop, keep, passOf } from "./last_code.js";

const RENEW = 30_000; // milliseconds
const RENEW_SOON = 5_000;
const page = document.querySelector("[data-module~=code]");
const { locale, qrPrefix } = page.dataset;
const part = (name) => page.querySelector(`[data-part=${name}]`);
const state = part("state");

let offset = Date.parse(page.dataset.now) - Date.now(); // the server's clock minus this phone's
let renewedAt = Date.now();
let expires = Date.parse(page.dataset.expires);
let timer;
let soon = Number(page.dataset.soon); // how many renewals are worth making sooner: the colour is about to be known
let draw; // null: no drawing module, so the page reloads instead

function serverNow() {
  return new Date(Date.now() + offset);
}

function tick() {
  const now = serverNow();
  const digits = (number) => String(number).padStart(2, "0");
  const beijing = new Date(now.getTime() + 8 * 3600_000); // read as UTC below: the clock of every gate
  part("clock").textContent =
    `${beijing.getUTCFullYear()}-${digits(beijing.getUTCMonth() + 1)}-${digits(beijing.getUTCDate())} ` +
    `${digits(beijing.getUTCHours())}:${digits(beijing.getUTCMinutes())}:${digits(beijing.getUTCSeconds())}`;
  if (now.getTime() >= expires) showStale();
}

function showStale() {
  page.classList.add("is-stale");
  state.textContent = state.dataset.stale.replace("{time}", asOf(renewedAt, locale));
}

function showLive() {
  page.classList.remove("is-stale");
  const time = new Date(renewedAt + offset).toLocaleTimeString(locale, { timeZone: "Asia/Shanghai" });
  state.textContent = state.dataset.live.replace("{time}", time);
}

function pause() {
  return soon-- > 0 ? RENEW_SOON : RENEW;
}

async function renew() {
  clearTimeout(timer);
  timer = setTimeout(renew, pause());
  if (document.hidden) return;
  if (!draw) return location.reload();
  let response;
  try {
    response = await fetch(page.dataset.tokenUrl, { cache: "no-store", signal: AbortSignal.timeout?.(10_000) });
  } catch {
    return; // no network: the clock marks the code stale when it expires
  }
  // A dead key, or another colour with other words: the page itself knows what to show.
  if (response.status === 401) {
    drop(passOf(location));
    return location.reload();
  }
  if (!response.ok) return;
  const renewed = await response.json();
  if (renewed.colour !== page.dataset.colour) return location.reload();
  offset = Date.parse(renewed.now) - Date.now();
  renewedAt = Date.now();
  expires = Date.parse(renewed.expires);
  draw(part("qr"), qrPrefix + renewed.token);
  remember(renewed.token);
  showLive();
}

function remember(token) {
  keep({
    id: passOf(location),
    text: qrPrefix + token,
    colour: page.dataset.colour,
    name: part("name").textContent,
    document: part("document").textContent,
    at: renewedAt,
  });
}

async function stayAwake() {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // battery saver: the phone decides
  }
}

async function start() {
  setInterval(tick, 1000);
  tick();
  stayAwake();
  draw = await loadDrawing(new URL(page.dataset.drawing, location));
  if (draw) renew();
  else timer = setTimeout(renew, pause());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    stayAwake();
    renew();
  });
  window.addEventListener("online", renew);
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
}

start();
