// A button that prints the page. Without this module it stays away, and the page says how to print.
for (const button of document.querySelectorAll("[data-module~=print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
