// What the face check's page says to the server.

const TIMEOUT = 60_000; // ms: a photo on a slow network

export class Client {
  #url;
  #token;

  constructor(pageUrl, token) {
    this.#url = new URL(pageUrl, location.href).href;
    this.#token = token;
  }

  /** Where the check stands; {error} when it is not to be seen any more. Throws without network. */
  async state() {
    return this.#answer(await fetch(`${this.#url}state/`, this.#options({})));
  }

  /** The page as the server draws it now, as HTML; leaves for where the server leads instead. Throws without network. */
  async page() {
    const response = await fetch(this.#url, { credentials: "same-origin", headers: { Accept: "text/html" } });
    if (response.status >= 500) throw new Error(response.status);
    if (response.redirected || !response.ok) location.assign(response.url);
    return response.text();
  }

  /** Send something below the page (`aim/`), or to a whole address -> {status, ...answer}. Throws without network. */
  async post(below, body) {
    const url = new URL(below, this.#url);
    return this.#answer(await fetch(url, this.#options({ method: "POST", body })));
  }

  #options(more) {
    const headers = { Accept: "application/json", ...(more.method && { "X-CSRFToken": this.#token }) };
    return { ...more, headers, credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout?.(TIMEOUT) };
  }

  async #answer(response) {
    if (response.status >= 500) throw new Error(response.status);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) answer.error ??= "other";
    return { ...answer, status: response.status };
  }
}
