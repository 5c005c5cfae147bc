// The time left until a deadline, counted down. Without this module it stands as it was when the page was made.
for (const place of document.querySelectorAll("[data-module~=deadline]")) {
  const end = performance.now() + Number(place.dataset.seconds) * 1000;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const two = (number) => String(number).padStart(2, "0");
    place.textContent = `${Math.floor(left / 3600)}:${two(Math.floor(left / 60) % 60)}:${two(left % 60)}`;
    if (left > 0) setTimeout(tick, 1000 - (performance.now() % 1000));
    else location.reload(); // the server says what follows
  };
  if (Number(place.dataset.seconds) > 0) tick();
}
