// The result that fills the screen.

export class Overlay {
  #root;
  #behind;
  #tone = "tone-wait";
  #waiter = null;

  constructor(root, behind) {
    this.#root = root;
    this.#behind = behind;
    this.#part("again").addEventListener("click", () => this.#waiter?.(true));
    this.#part("give-up").addEventListener("click", () => this.#waiter?.(false));
  }

  get isOpen() {
    return !this.#root.hidden;
  }

  /** Show a panel by its name; `message` replaces the one it came with. Opens the overlay. */
  show(name, message) {
    const panel = document.querySelector(`template[data-panel-of="${name}"]`).content.firstElementChild.cloneNode(true);
    if (message) panel.querySelector("[data-message]").textContent = message;
    const live = this.#part("live");
    live.setAttribute("role", ["green", "wait"].includes(panel.dataset.tone) ? "status" : "alert");
    this.#root.classList.remove(this.#tone);
    this.#tone = `tone-${panel.dataset.tone}`;
    this.#root.classList.add(this.#tone);
    this.#root.dataset.shown = name;
    const opened = !this.isOpen;
    if (opened) {
      for (const part of ["name", "repeat", "figure", "saved"]) this.text(part, "");
      this.#root.hidden = false;
      document.documentElement.classList.add("has-overlay");
      for (const element of this.#behind()) element.inert = true;
    }
    live.replaceChildren(panel);
    if (opened) this.#root.focus({ preventScroll: true });
  }

  close() {
    this.#root.hidden = true;
    this.#part("live").replaceChildren();
    this.next(false);
    document.documentElement.classList.remove("has-overlay");
    for (const element of this.#behind()) element.inert = false;
  }

  /** Words in one of the named places: name, repeat, figure, saved. */
  text(part, text) {
    this.#part(part).textContent = text;
  }

  /** The bar with "next person" or, before leaving the page, "continue"; and perhaps "take the temperature". */
  next(shown, { take = false, leave = false } = {}) {
    this.#part("next-bar").hidden = !shown;
    this.#part("take").hidden = !take;
    this.#part("next").hidden = leave;
    this.#part("leave").hidden = !leave;
  }

  /** Say that sending failed; true after `wait` ms or a tap on "send again", false when the guard gives up. */
  async waiting(text, wait) {
    this.text("waiting-text", text);
    this.#part("waiting").hidden = false;
    this.#root.classList.add("is-waiting");
    const again = await new Promise((resolve) => {
      this.#waiter = resolve;
      setTimeout(resolve, wait, true);
    });
    this.#waiter = null;
    return again;
  }

  sent() {
    this.#part("waiting").hidden = true;
    this.#root.classList.remove("is-waiting");
  }

  on(part, act) {
    this.#part(part).addEventListener("click", act);
  }

  onTap(act) {
    this.#root.addEventListener("click", act);
  }

  #part(name) {
    return this.#root.querySelector(`[data-${name}]`);
  }
}
