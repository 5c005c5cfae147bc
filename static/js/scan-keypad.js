// The temperature: three digits, or one tap for "normal". A scanner gun that fires meanwhile types nothing here.

const LOWEST = 34;
const HIGHEST = 43;
const BURST = 120; // ms: no finger follows a letter this fast

export class Keypad {
  #root;
  #digits = "";
  #onValue;
  #implausible;
  #letterAt = -Infinity;

  /** `onValue(celsius | "normal")`; `implausible` is what is said to a figure that no thermometer gives. */
  constructor(root, { onValue, implausible }) {
    this.#root = root;
    this.#onValue = onValue;
    this.#implausible = implausible;
    root.querySelector("[data-normal]").addEventListener("click", () => this.#give("normal"));
    for (const button of root.querySelectorAll("[data-key]")) {
      button.addEventListener("click", () => this.#press(button.dataset.key));
    }
    document.addEventListener("keydown", (event) => this.#onKey(event));
  }

  get isOpen() {
    return !this.#root.hidden;
  }

  open() {
    this.#set("");
    this.#say("");
    this.#show(true);
  }

  close() {
    this.#show(false);
  }

  #show(open) {
    this.#root.hidden = !open;
    this.#root.parentElement.classList.toggle("has-keypad", open);
  }

  #onKey(event) {
    if (!this.isOpen || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - this.#letterAt < BURST) {
      if (event.key.length === 1 || event.key === "Enter") {
        this.#letterAt = event.timeStamp;
        event.preventDefault();
      }
      return;
    }
    if (/^[0-9]$/.test(event.key)) this.#press(event.key);
    else if (event.key === "Backspace") this.#press("back");
    else if (event.key === "Enter" && (this.#digits || !event.target.closest("button"))) {
      event.preventDefault();
      this.#press("enter");
    } else if (event.key.length === 1 && !". ".includes(event.key)) {
      this.#letterAt = event.timeStamp;
      this.#set("");
    }
  }

  #press(key) {
    if (key === "enter") return this.#enter();
    this.#say("");
    if (key === "back") this.#set(this.#digits.slice(0, -1));
    else if (this.#digits.length < 3) this.#set(this.#digits + key);
  }

  #enter() {
    if (!this.#digits) return;
    const celsius = Number(this.#digits.padEnd(3, "0")) / 10;
    if (this.#digits.length > 1 && celsius >= LOWEST && celsius <= HIGHEST) return this.#give(celsius);
    this.#set("");
    this.#say(this.#implausible);
  }

  #give(value) {
    this.close();
    this.#onValue(value);
  }

  #set(digits) {
    this.#digits = digits;
    const shown = digits.length > 2 ? `${digits.slice(0, 2)}.${digits[2]}` : digits;
    this.#root.querySelector("[data-display]").textContent = shown || "––.–";
  }

  #say(text) {
    this.#root.querySelector("[data-keypad-hint]").textContent = text;
  }
}
