// Heard and felt without looking: two short rising tones for green, one long low one for anything else.

let audio = null;

// Browsers let a page sound and shake only after a touch or key.
for (const event of ["pointerdown", "keydown"]) {
  document.addEventListener(event, () => unlock(), { passive: true });
}

function unlock() {
  const Context = globalThis.AudioContext || globalThis.webkitAudioContext;
  if (!Context) return;
  audio ??= new Context();
  if (audio.state === "suspended") audio.resume().catch(() => {});
}

export function signal(good) {
  if (navigator.userActivation?.hasBeenActive !== false) navigator.vibrate?.(good ? 80 : [300, 120, 300]);
  if (audio?.state !== "running") return;
  if (good) {
    tone(880, 0, 0.09);
    tone(1320, 0.12, 0.12);
  } else {
    tone(220, 0, 0.55, "square");
  }
}

function tone(frequency, after, seconds, type = "sine") {
  const begin = audio.currentTime + after;
  const oscillator = audio.createOscillator();
  const volume = audio.createGain();
  oscillator.type = type;
  oscillator.frequency.value = frequency;
  volume.gain.setValueAtTime(0.25, begin);
  volume.gain.exponentialRampToValueAtTime(0.001, begin + seconds);
  oscillator.connect(volume).connect(audio.destination);
  oscillator.start(begin);
  oscillator.stop(begin + seconds);
}
