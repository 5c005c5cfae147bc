// A button that waits: shows the seconds left, then works. Without this module it works at once and the server says when.
// The wall clock counts, for it goes on while a phone sleeps.
for (const button of document.querySelectorAll("[data-module~=countdown]")) {
  const label = button.textContent;
  const end = Date.now() + Number(button.dataset.seconds) * 1000;
  let timer;
  const tick = () => {
    clearTimeout(timer);
    const seconds = Math.ceil((end - Date.now()) / 1000);
    button.disabled = seconds > 0;
    button.textContent = seconds > 0 ? button.dataset.waiting.replace("{seconds}", seconds) : label;
    if (seconds > 0) timer = setTimeout(tick, (end - Date.now()) % 1000 || 1000);
  };
  tick();
  document.addEventListener("visibilitychange", () => document.hidden || tick());
}
