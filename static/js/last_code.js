// The last valid codes, one's own and relatives', kept on this phone for when there is no network. Masked name and number
// only; gone at sign-out.

const KEY = "last-codes";
const KEPT = 7 * 86_400_000; // milliseconds: nobody would take an older one

// The codes that are kept, the last one shown first: [{id, text, colour, name, document, at}].
export function recall() {
  try {
    return (JSON.parse(localStorage.getItem(KEY)) ?? []).filter((code) => Date.now() - code.at < KEPT);
  } catch {
    return [];
  }
}

export function keep(code) {
  store([code, ...recall().filter((other) => other.id !== code.id)]);
}

export function drop(id) {
  store(recall().filter((code) => code.id !== id));
}

function store(codes) {
  try {
    localStorage.setItem(KEY, JSON.stringify(codes));
  } catch {
    // storage full or refused: the code then only works with network
  }
}

// The pass that a code page's address is of.
export function passOf(location) {
  return location.pathname.match(/^\/code\/([0-9a-f]+)\//)?.[1];
}

export function ago(time, locale) {
  const minutes = Math.round((time - Date.now()) / 60000);
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  return Math.abs(minutes) < 60 ? words.format(minutes, "minute") : words.format(Math.round(minutes / 60), "hour");
}

export function asOf(time, locale) {
  const zone = { timeZone: "Asia/Shanghai" }; // the clock of every gate, wherever the phone thinks it is
  const day = (date) => date.toLocaleDateString(locale, zone);
  const date = new Date(time);
  const clock = date.toLocaleTimeString(locale, { ...zone, hour: "2-digit", minute: "2-digit" });
  return `${day(date) === day(new Date()) ? clock : `${day(date)} ${clock}`} (${ago(time, locale)})`;
}
