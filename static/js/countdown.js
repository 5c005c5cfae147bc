// A button that waits: shows the seconds left, then works. Without this module it works at once and the server says when.
for (const button of document.querySelectorAll("[data-module~=countdown]")) {
  const label = button.textContent;
  const end = performance.now() + Number(button.dataset.seconds) * 1000;
  const tick = () => {
    const seconds = Math.ceil((end - performance.now()) / 1000);
    button.disabled = seconds > 0;
    button.textContent = seconds > 0 ? button.dataset.waiting.replace("{seconds}", seconds) : label;
    if (seconds > 0) setTimeout(tick, 1000 - ((performance.now() - end) % 1000 + 1000) % 1000 || 1000);
  };
  tick();
}
