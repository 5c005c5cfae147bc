{% load static %}// Without network, show the offline page with the last code. Nothing personal is cached here.
const CACHE = "{{ cache_name }}";
const OFFLINE = "{% url 'passcodes:offline' %}";
const FILES = [OFFLINE, {% for file in files %}"{% static file %}"{% if not forloop.last %}, {% endif %}{% endfor %}];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  const opensCode = event.request.mode === "navigate" && (url.pathname === "/" || url.pathname.startsWith("/code/"));
  if (opensCode) event.respondWith(fetch(event.request).catch(() => caches.match(OFFLINE)));
  else if (FILES.includes(url.pathname)) {
    event.respondWith(fetch(event.request).catch(() => caches.match(event.request)));
  }
});
