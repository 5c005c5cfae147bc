// The last valid code, kept on this phone for when there is no network. Masked name and number only; gone at sign-out.

const KEY = "last-code";

export function keep(code) {
  try {
    localStorage.setItem(KEY, JSON.stringify(code));
  } catch {
    // storage full or refused: the code then only works with network
  }
}

export function recall() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
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
