// The live check: help with holding the phone, then the turns, each shown, written and spoken, and the pictures of them.

import { FaceCamera } from "./face-camera.js";
import { setSpeech, speak } from "./face-speech.js";

const AIM_EVERY = 1200; // ms
const REPEAT = 5000; // ms until the same advice is spoken again
const SLOW = 3; // times the normal pace
const TRIES = 5; // to send the pictures
const READING = 700; // ms at least, from a word's appearing to what it asks for

// When pictures are taken in each part, in ms after its words have been said; the last number ends the part.
// 2 + 3 x (4 + 2) = 20 pictures, some 350 ms apart while the head turns.
const START = { pictures: [500, 1000], ends: 1300 };
const TURN = { pictures: [800, 1150, 1500, 1850], ends: 2100 };
const BACK = { pictures: [900, 1300], ends: 1600 };

/** Runs the live panel. `busy` while the pictures of a challenge are taken: the page must not be drawn anew. */
export function liveCheck(panel, { client, texts, say, refresh, fail }) {
  const part = (name) => panel.querySelector(`[data-live-${name}]`);
  const stage = part("stage");
  const camera = new FaceCamera(part("video"), () => stop("stopped"));
  const step = { busy: false, wantsState: false, onState, close };
  let run = 0; // counts up when what goes on is to end
  let aim = null;
  let spokenAt = 0;

  part("open").addEventListener("click", open);
  part("switch").addEventListener("click", switchCamera);
  part("begin").addEventListener("click", challenge);
  part("cancel").addEventListener("click", () => stop(null));
  part("sound").addEventListener("click", toggleSound);
  document.addEventListener("visibilitychange", onVisibility);
  return step;

  async function open() {
    part("intro").hidden = true;
    stage.hidden = false;
    panel.querySelector("[data-finding]").hidden = true;
    setOthers(true);
    phase("starting");
    word("");
    hint(texts("starting"));
    await start();
  }

  async function start() {
    const current = ++run;
    part("controls").hidden = true;
    try {
      await camera.start();
    } catch (error) {
      return current === run && stop(error.message);
    }
    if (current !== run) return camera.stop();
    panel.querySelector(".face-view").classList.toggle("is-mirrored", camera.facing === "user");
    navigator.wakeLock?.request("screen").catch(() => {});
    phase("aim");
    part("controls").hidden = false;
    part("begin").focus({ preventScroll: true });
    stage.scrollIntoView({ block: "start" });
    aim = null;
    advise(texts("hold"));
    step.wantsState = true;
    while (current === run) {
      await wait(AIM_EVERY);
      const picture = current === run ? await camera.frame() : null;
      if (picture && current === run) await client.post("aim/", body({ frame: [picture] })).catch(() => {});
    }
  }

  /** The server has looked at how the face lies in the picture. */
  function onState(state) {
    if (!step.wantsState || !state.aim || step.busy) return;
    const again = performance.now() - spokenAt > REPEAT;
    if (state.aim === aim && (aim === "fine" || !again)) return;
    aim = state.aim;
    if (aim !== "fine") return advise(texts(`aim-${aim}-${camera.facing}`));
    const current = run;
    advise(texts("soon")).then(() => wait(600)).then(() => current === run && challenge());
  }

  async function challenge() {
    if (step.busy || !camera.isOn) return;
    step.busy = true;
    step.wantsState = false;
    const current = ++run;
    part("controls").hidden = true;
    stage.scrollIntoView({ block: "start" });
    const answer = await client.post("challenge/", new FormData()).catch(() => ({ error: "network", title: texts("photo-failed") }));
    if (current !== run) return;
    if (answer.error) return stop(null, answer);
    const pictures = await turns(answer.movements, performance.now(), current);
    if (current !== run) return;
    camera.stop();
    phase("sending");
    arrow(null);
    word("");
    ring(100);
    hint(texts("finished"));
    speak(texts("finished"));
    await send(answer.key, pictures, current);
  }

  /** Ask for each turn and take its pictures -> [{blob, at}], `at` in seconds after `begun`. */
  async function turns(movements, begun, current) {
    const pace = panel.querySelector("[name=pace]:checked").value === "slow" ? SLOW : 1;
    const pictures = [];
    const parts = [["straight", START, "straight"], ...movements.flatMap((side) => [[side, TURN, side], ["straight", BACK, "straight-again"]])];
    for (const [index, [name, times, key]] of parts.entries()) {
      phase(name);
      stage.dataset.step = index;
      word(texts(key));
      arrow(name === "straight" ? null : name);
      hint(name === "straight" ? "" : texts("far-enough"));
      say(texts(key));
      await Promise.all([speak(texts(key)), wait(READING * pace)]);
      if (current !== run) return [];
      const from = performance.now();
      for (const time of times.pictures) {
        await wait(from + time * pace - performance.now());
        if (current !== run) return [];
        const at = (performance.now() - begun) / 1000;
        const blob = await camera.frame();
        if (blob) pictures.push({ blob, at });
      }
      ring((100 * (index + 1)) / parts.length);
      await wait(from + times.ends * pace - performance.now());
      if (current !== run) return [];
    }
    return pictures;
  }

  /** Until they have arrived: a challenge is answered once, so what came twice is refused and the page tells where it is. */
  async function send(key, pictures, current) {
    const answer = body({ key, at: JSON.stringify(pictures.map(({ at }) => at)), frame: pictures.map(({ blob }) => blob) });
    for (let tries = 1; tries <= TRIES; tries++) {
      try {
        await client.post("frames/", answer);
        if (current !== run) return;
        step.busy = false;
        return refresh();
      } catch {
        if (current !== run) return;
        hint(texts("again"));
        say(texts("again"));
        await wait(1000 * tries);
      }
    }
    stop("lost");
  }

  async function switchCamera() {
    camera.facing = camera.facing === "user" ? "environment" : "user";
    await start();
  }

  function toggleSound() {
    const on = part("sound").getAttribute("aria-pressed") !== "true";
    part("sound").setAttribute("aria-pressed", on);
    setSpeech(on);
  }

  function onVisibility() {
    if (document.hidden && camera.isOn) stop("interrupted");
  }

  /** Back to the beginning of the step, with what was wrong: the key of a text, or the server's answer. */
  function stop(reason, answer) {
    run++;
    camera.stop();
    step.busy = step.wantsState = false;
    stage.hidden = true;
    part("intro").hidden = false;
    setOthers(false);
    phase("");
    if (reason || answer) fail(answer || { error: reason, title: texts(reason) });
    if (answer?.error === "not_now") return refresh();
    if (["no-camera", "insecure", "denied"].includes(reason)) panel.querySelector("[data-ways-box]").open = true;
    part("open").focus();
  }

  function close() {
    run++;
    camera.stop();
    globalThis.speechSynthesis?.cancel();
    document.removeEventListener("visibilitychange", onVisibility);
  }

  /** Seen, heard, and read by a screen reader. */
  function advise(text) {
    spokenAt = performance.now();
    hint(text);
    say(text);
    return speak(text);
  }

  function setOthers(hidden) {
    panel.querySelectorAll(".face-more").forEach((box) => (box.hidden = hidden));
  }

  function phase(name) {
    stage.dataset.phase = name;
  }

  function word(text) {
    part("word").textContent = text;
  }

  function hint(text) {
    part("hint").textContent = text;
  }

  function ring(percent) {
    part("ring").setAttribute("stroke-dasharray", `${percent} ${100 - percent}`);
  }

  /** As the person sees it in the mirrored picture; the rear camera's is not mirrored. */
  function arrow(side) {
    part("arrow").toggleAttribute("hidden", !side);
    const right = (side === "right") === (camera.facing === "user");
    part("arrow").classList.toggle("is-right", Boolean(side) && right);
  }
}

function body(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) one instanceof Blob ? data.append(name, one, "frame.jpg") : data.append(name, one);
  }
  return data;
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
