// After sign-out: delete what pages kept in this browser, for browsers that ignore the Clear-Site-Data header.
try {
  localStorage.clear();
  sessionStorage.clear();
  for (const name of (await globalThis.caches?.keys()) ?? []) await caches.delete(name);
} catch {
  // Storage is switched off: then nothing was kept.
}
