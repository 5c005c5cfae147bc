// Spoken guidance, in the page's language, where the browser has a voice.

const LONGEST = 4000; // ms: some browsers never say that they have finished

let on = true;

/** Switch the voice on or off; what is being said stops. */
export function setSpeech(wanted) {
  on = wanted;
  if (!on) globalThis.speechSynthesis?.cancel();
}

/** Whether what is spoken is heard: wanted, and there is a voice. */
export function speaks() {
  return on && Boolean(globalThis.speechSynthesis?.getVoices().length);
}

/** Speak; resolves when it has been said, or at once where nothing can be said. */
export function speak(text) {
  const speech = globalThis.speechSynthesis;
  if (!text || !speaks()) return Promise.resolve();
  speech.cancel();
  return new Promise((resolve) => {
    const utterance = new SpeechSynthesisUtterance(text);
    utterance.lang = document.documentElement.lang === "zh-hans" ? "zh-CN" : document.documentElement.lang;
    utterance.onend = utterance.onerror = resolve;
    setTimeout(resolve, LONGEST);
    speech.speak(utterance);
  });
}

globalThis.speechSynthesis?.getVoices(); // some browsers load them at the first question
