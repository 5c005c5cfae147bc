// The time left until a deadline, counted down. Without this module it stands as it was when the page was made.
// The server says how long; the wall clock counts it, wrong or not, for it goes on while a phone sleeps.
for (const place of document.querySelectorAll("[data-module~=deadline]")) {
  const end = Date.now() + (Number(place.dataset.seconds) + 1) * 1000; // the server counts whole seconds
  let timer;
  const tick = () => {
    clearTimeout(timer);
    const left = Math.max(0, Math.floor((end - Date.now()) / 1000));
    const two = (number) => String(number).padStart(2, "0");
    place.textContent = `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    if (Date.now() < end) timer = setTimeout(tick, (end - Date.now()) % 1000 || 1000);
    else location.reload(); // the server says what follows
  };
  tick();
  document.addEventListener("visibilitychange", () => document.hidden || tick());
}
