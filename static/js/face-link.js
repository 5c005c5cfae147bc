// Send or copy the one-time link.

export function linkBox(box) {
  const url = box.querySelector("[data-link-url]");
  const share = box.querySelector("[data-link-share]");
  const copy = box.querySelector("[data-link-copy]");
  url.addEventListener("focus", () => url.select());
  if (navigator.share) {
    share.hidden = false;
    share.addEventListener("click", () => navigator.share({ url: url.value }).catch(() => {}));
  }
  if (navigator.clipboard) {
    copy.hidden = false;
    copy.addEventListener("click", () =>
      navigator.clipboard.writeText(url.value).then(() => (copy.textContent = copy.dataset.copied), () => url.select()),
    );
  }
}
