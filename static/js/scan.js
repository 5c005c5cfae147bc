// The camera page: read a code, show what to do, take the temperature, and back to the camera.

import { Camera } from "./scan-camera.js";
import { check, clockTime, extract, insist, newId, noteTemperature } from "./scan-client.js";
import { Keypad } from "./scan-keypad.js";
import { otherWays } from "./scan-other.js";
import { Overlay } from "./scan-overlay.js";
import { loadReader } from "./scan-reader.js";
import { signal } from "./scan-sound.js";

const SAME = 3000; // ms out of view, until the same code counts as shown again
const BACK_AFTER = 1500; // ms
const OTHER_CODE_AFTER = 4000; // ms, when the same person is asked for another code; a colour waits for the guard
const ASKS_FOR_ANOTHER = ["expired", "unknown", "invalid"];

const root = document.querySelector("[data-module~=scan]");
const part = (name) => root.querySelector(`[data-${name}]`);
const texts = (key) => root.querySelector(`[data-text="${key}"]`).textContent;
const { scanUrl, entrance, wasm } = root.dataset;
const feverFrom = Number(root.dataset.fever); // °C

const overlay = new Overlay(part("overlay"), () => [...document.querySelectorAll(".bar, .scan-door"), part("camera"), part("other")]);
const keypad = new Keypad(part("keypad"), { onValue: takeTemperature, implausible: texts("implausible") });
const other = otherWays(part("other"), { onText: onOtherText, say, texts });

let camera = null;
let current = null; // the reading whose result is shown: {id, outcome}
let sending = 0;
const seen = new Map(); // code -> when it was last in view
let backTimer = 0;
let count = Number(sessionStorage.getItem("scan-count")) || 0;

overlay.on("next", next);
overlay.on("leave", () => location.assign(scanUrl)); // signs in, or shows the entrances that are left
overlay.on("take", () => {
  stopTimer();
  overlay.next(true);
  keypad.open();
});
overlay.onTap((event) => backTimer && !event.target.closest("button") && next());
part("torch").addEventListener("click", toggleTorch);
part("restart").addEventListener("click", startCamera);
window.addEventListener("beforeunload", (event) => sending && event.preventDefault());
showCount();
begin();

async function begin() {
  part("camera").hidden = false;
  say(texts("loading"));
  try {
    const read = await loadReader(wasm);
    camera = new Camera(part("video"), read, { onText: onCameraText, onStop: onCameraStop });
  } catch {
    return withoutCamera("no-reader");
  }
  await startCamera();
}

async function startCamera() {
  part("restart").hidden = true;
  part("view").hidden = false;
  say(texts("starting"));
  try {
    await camera.start();
    onCameraStop(null);
    part("other").open = false;
  } catch (error) {
    withoutCamera(error.message);
  }
}

/** The camera stopped for a reason, or, with null, runs. */
function onCameraStop(reason) {
  if (reason) return withoutCamera(reason);
  part("torch").hidden = !camera.hasTorch;
  part("torch").setAttribute("aria-pressed", "false");
  say(texts("ready"));
  keepAwake();
}

function withoutCamera(reason) {
  say(texts(reason));
  part("view").hidden = true;
  part("restart").hidden = !camera || reason === "insecure";
  part("other").open = true;
  if (matchMedia("(hover: hover) and (pointer: fine)").matches) other.focusText(); // a desk: a scanner gun is likely
}

function onCameraText(text) {
  const now = performance.now();
  const same = now - seen.get(text) < SAME;
  seen.set(text, now);
  if (same) return say(texts("same"));
  onText(text);
}

function onOtherText(text) {
  seen.set(text.trim(), performance.now());
  onText(text);
}

async function onText(text) {
  if (current) return;
  for (const [old, at] of seen) if (performance.now() - at > SAME) seen.delete(old);
  current = { id: newId(), token: extract(text), ...(entrance && { entrance: Number(entrance) }) };
  const reading = current;
  camera?.rest(true);
  overlay.show("checking");
  const answer = await deliver(() => check(`${scanUrl}check`, reading));
  if (!answer) return next();
  if (!answer.outcome) return problem(answer);
  reading.outcome = answer.outcome;
  showAnswer(answer);
}

function showAnswer(answer) {
  overlay.show(answer.outcome, answer.message);
  overlay.text("name", answer.name);
  overlay.text("repeat", answer.repeat_of ? texts("repeat").replace("{time}", clockTime(answer.repeat_of)) : "");
  overlay.text("saved", entrance ? `✓ ${texts("saved")}` : texts("unrecorded"));
  signal(answer.outcome === "green");
  if (entrance && !answer.repeated) addToCount();
  const green = entrance && answer.outcome === "green";
  if (green) keypad.open();
  overlay.next(true, { take: entrance && !green });
  if (ASKS_FOR_ANOTHER.includes(answer.outcome)) backTimer = setTimeout(next, OTHER_CODE_AFTER);
}

async function takeTemperature(value) {
  const reading = current;
  const fever = value !== "normal" && value >= feverFrom;
  const name = fever ? "stop" : reading.outcome === "green" ? "pass" : reading.outcome;
  overlay.show(name);
  overlay.text("figure", value === "normal" ? texts("normal") : `${value.toFixed(1)} °C`);
  overlay.text("saved", texts("saving"));
  overlay.next(false);
  if (name === "pass" || fever) signal(!fever);
  const answer = await deliver(() => noteTemperature(`${scanUrl}${reading.id}/temperature`, value));
  if (!answer) return next();
  if (!answer.outcome) return problem(answer);
  overlay.show(name, answer.message);
  overlay.text("saved", `✓ ${texts("saved")}`);
  overlay.next(true, { take: name !== "pass" });
  if (name === "pass") backTimer = setTimeout(next, BACK_AFTER);
}

/** What the server refused, in words. */
function problem(answer) {
  const known = ["key", "entrance", "real_name", "limit", "scan", "id_time"].includes(answer.error);
  overlay.show("problem", texts(known ? answer.error : "other"));
  overlay.text("saved", "");
  signal(false);
  overlay.next(true, { leave: ["key", "entrance", "real_name"].includes(answer.error) });
}

/** Send until it has arrived; null when the guard gives up. */
async function deliver(send) {
  sending++;
  const answer = await insist(send, (wait) => overlay.waiting(texts("network"), wait));
  sending--;
  overlay.sent();
  return answer;
}

function stopTimer() {
  clearTimeout(backTimer);
  backTimer = 0;
}

function next() {
  stopTimer();
  keypad.close();
  overlay.close();
  current = null;
  for (const text of seen.keys()) seen.set(text, performance.now()); // the code is probably still held up
  camera?.rest(false);
  say(camera && !part("view").hidden ? texts("ready") : "");
  if (part("other").open) other.focusText();
}

function addToCount() {
  sessionStorage.setItem("scan-count", ++count);
  showCount();
}

function showCount() {
  part("count").textContent = count;
}

async function toggleTorch() {
  const on = part("torch").getAttribute("aria-pressed") !== "true";
  await camera.torch(on).then(() => part("torch").setAttribute("aria-pressed", on), () => {});
}

function keepAwake() {
  navigator.wakeLock?.request("screen").catch(() => {});
}

function say(text) {
  if (part("state").textContent !== text) part("state").textContent = text;
}
