// What the camera page says to the server: checks and temperatures, with ids made here, sent until they arrive.

const TIMEOUT = 8000; // ms
const LONGEST_WAIT = 8000; // ms between tries
const WORTH_CORRECTING = 2000; // ms
const MAX_TOKEN = 200; // longer than any code: what is cut off cannot have mattered

let offset = Number(sessionStorage.getItem("scan-clock")) || 0;

/** The time by the server's clock, in ms, as well as this phone knows it. */
export const now = () => Date.now() + offset;

/** A UUIDv7 (RFC 9562) of this moment. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 5, rest = now(); i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The moment of a UUIDv7 as hh:mm, Beijing time. */
export function clockTime(id) {
  const at = new Date(parseInt(id.replace("-", "").slice(0, 12), 16));
  return at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Shanghai" });
}

/** The token in what a camera, keyboard or scanner gun gave. */
export const extract = (text) => text.trim().toUpperCase().split("/C/").pop().slice(0, MAX_TOKEN);

/** Check a code; a wrong clock is corrected, and the reading sent anew. -> {status, id, ...answer}. Throws without network. */
export async function check(url, reading) {
  let answer = await post(url, reading);
  if (answer.error === "id_time") {
    reading.id = newId();
    answer = await post(url, reading);
  }
  return answer;
}

/** Note the temperature of a scan: a number or "normal". -> {status, ...answer}. Throws without network. */
export const noteTemperature = (url, temperature) => post(url, { temperature });

/** Send until the server has answered. `waiting(ms)` is called after each failure and says when to go on: false = give up. */
export async function insist(send, waiting) {
  for (let wait = 1000; ; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await send();
    } catch (error) {
      if (!(await waiting(wait))) return null;
    }
  }
}

async function post(url, body) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      signal: abort.signal,
    });
    if (response.status >= 500) throw new Error(response.status);
    const answer = await response.json();
    setClock(answer.now);
    return { ...answer, status: response.status };
  } finally {
    clearTimeout(timer);
  }
}

function setClock(time) {
  const at = Date.parse(time);
  if (Number.isNaN(at) || Math.abs(at - now()) < WORTH_CORRECTING) return;
  offset = at - Date.now();
  sessionStorage.setItem("scan-clock", offset);
}
