// The live check: help with holding the phone, then the turns, each shown, written and spoken, and the pictures of them.

import { FaceCamera } from "./face-camera.js";
import { setSpeech, speak, speaks } from "./face-speech.js";

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

// At one's own pace a press of the button ends a part and takes its pictures, so many and so many ms apart: 7 x 2 = 14.
const PRESSED = { pictures: 2, apart: 300 };
const SENDING = 10; // seconds of the challenge's life that are left for sending them

let pace = "normal"; // chosen last: a failed try draws the panel anew

/** Runs the live panel. `busy` while the pictures of a challenge are taken: the page must not be drawn anew. */
export function liveCheck(panel, { client, texts, say, refresh, fail }) {
  const part = (name) => panel.querySelector(`[data-live-${name}]`);
  const stage = part("stage");
  const camera = new FaceCamera(part("video"), () => stop("stopped"));
  const step = { busy: false, wantsState: false, onState, close };
  let run = 0; // counts up when what goes on is to end
  let aim = null;
  let spokenAt = 0;
  let onPress = null; // at one's own pace: what waits for the button

  part("open")?.addEventListener("click", open);
  part("switch").addEventListener("click", switchCamera);
  part("begin").addEventListener("click", challenge);
  part("cancel").addEventListener("click", () => stop(null));
  part("sound").addEventListener("click", toggleSound);
  part("press").addEventListener("click", () => onPress?.());
  panel.querySelectorAll("[name=pace]").forEach((choice) => (choice.checked = choice.value === pace));
  document.addEventListener("keydown", onKey);
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
    advise(texts(ownPace() ? "soon-own" : "soon")).then(() => wait(600)).then(() => current === run && challenge());
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
    const begun = performance.now();
    const ends = begun + (answer.seconds - SENDING) * 1000;
    const pictures = await (ownPace() ? turnsAtOwnPace(answer.movements, begun, ends, current) : turns(answer.movements, begun, current));
    if (current !== run) return;
    camera.stop();
    phase("sending");
    arrow(null);
    word("");
    ring(100);
    hint(texts("finished"));
    tell(texts("finished"));
    await send(answer.key, pictures, current);
  }

  /** Ask for each turn and take its pictures -> [{blob, at}], `at` in seconds after `begun`. */
  async function turns(movements, begun, current) {
    const slower = pace === "slow" ? SLOW : 1;
    const pictures = [];
    const parts = partsOf(movements);
    for (const [index, { name, times, key }] of parts.entries()) {
      show(index, name, texts(key), name === "straight" ? "" : texts("far-enough"));
      await Promise.all([tell(texts(key)), wait(READING * slower)]);
      if (current !== run) return [];
      const from = performance.now();
      for (const time of times.pictures) {
        await wait(from + time * slower - performance.now());
        if (current !== run) return [];
        await take(pictures, begun);
      }
      ring((100 * (index + 1)) / parts.length);
      await wait(from + times.ends * slower - performance.now());
      if (current !== run) return [];
    }
    return pictures;
  }

  /** The same without a clock but the challenge's own: each part waits for the button, until `ends`. */
  async function turnsAtOwnPace(movements, begun, ends, current) {
    const pictures = [];
    const parts = partsOf(movements);
    const timer = setTimeout(() => current === run && stop("too-slow"), ends - performance.now());
    part("press").hidden = false;
    part("press").focus({ preventScroll: true });
    for (const [index, { name, key }] of parts.entries()) {
      const how = texts(name === "straight" ? "press-straight" : "press-turned");
      show(index, name, texts(key), how);
      tell(index < 2 ? `${texts(key)} ${how}` : texts(key)); // how, once for each kind
      await new Promise((resolve) => (onPress = resolve));
      onPress = null;
      hint(texts("hold-still"));
      for (let number = 0; number < PRESSED.pictures; number++) {
        if (number) await wait(PRESSED.apart);
        if (current !== run) return [];
        await take(pictures, begun);
      }
      ring((100 * (index + 1)) / parts.length);
    }
    clearTimeout(timer);
    part("press").hidden = true;
    return pictures;
  }

  async function take(pictures, begun) {
    const at = (performance.now() - begun) / 1000;
    const blob = await camera.frame();
    if (blob) pictures.push({ blob, at });
  }

  function show(index, name, what, how) {
    phase(name);
    stage.dataset.step = index;
    word(what);
    arrow(name === "straight" ? null : name);
    hint(how);
  }

  /** Space and Enter press the button wherever the focus is, but on another control. */
  function onKey(event) {
    if (stage.hidden || ![" ", "Enter"].includes(event.key)) return;
    if (event.repeat) return event.preventDefault(); // a key that is held presses once
    if (!onPress || event.target.closest("a, button, input, summary")) return;
    event.preventDefault();
    onPress();
  }

  function ownPace() {
    pace = panel.querySelector("[name=pace]:checked").value;
    return pace === "own";
  }

  /** Until they have arrived: a challenge is answered once, so what came twice is refused and the page tells where it is. */
  async function send(key, pictures, current) {
    const answer = body({ key, at: JSON.stringify(pictures.map(({ at }) => at)), frame: pictures.map(({ blob }) => blob) });
    for (let tries = 1; tries <= TRIES; tries++) {
      try {
        const reply = await client.post("frames/", answer);
        if (current !== run) return;
        if (["too_large", "unreadable"].includes(reply.error)) return stop(null, reply); // the others end the try: the page tells
        step.busy = false;
        return refresh();
      } catch {
        if (current !== run) return;
        hint(texts("again"));
        tell(texts("again"));
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
    onPress = null;
    part("press").hidden = true;
    stage.hidden = true;
    part("intro").hidden = false;
    setOthers(false);
    phase("");
    if (reason || answer) fail(answer || { error: reason, title: texts(reason) });
    if (answer?.error === "not_now") return refresh();
    if (["no-camera", "insecure", "denied"].includes(reason)) panel.querySelector("[data-ways-box]").open = true;
    part("open")?.focus();
  }

  function close() {
    run++;
    camera.stop();
    globalThis.speechSynthesis?.cancel();
    document.removeEventListener("visibilitychange", onVisibility);
    document.removeEventListener("keydown", onKey);
  }

  function advise(text) {
    spokenAt = performance.now();
    hint(text);
    return tell(text);
  }

  /** Heard once: from the page's voice, or else from a screen reader. */
  function tell(text) {
    say(text, { spoken: speaks() });
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

/** Straight, and each turn with the way back. */
function partsOf(movements) {
  const turn = (side) => [{ name: side, times: TURN, key: side }, { name: "straight", times: BACK, key: "straight-again" }];
  return [{ name: "straight", times: START, key: "straight" }, ...movements.flatMap(turn)];
}

function body(fields) {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) one instanceof Blob ? data.append(name, one, "frame.jpg") : data.append(name, one);
  }
  return data;
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
