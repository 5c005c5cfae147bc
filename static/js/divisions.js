// Fill the places of a province as soon as it is chosen; the button that does it through the server goes away.
const cache = new Map();

function option(value, text) {
  return new Option(text, value);
}

async function placesOf(base, province) {
  if (!cache.has(province)) {
    const response = await fetch(base.replace(/0(?=\.json$)/, province));
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    cache.set(province, await response.json());
  }
  return cache.get(province);
}

function fill(select, groups, prompt) {
  const single = groups.length === 1 && groups[0][1].length === 1;
  select.replaceChildren();
  if (!single) select.append(prompt);
  for (const [name, places] of groups) {
    const group = document.createElement("optgroup");
    group.label = name;
    group.append(...places.map(([code, text]) => option(code, text)));
    select.append(...(single ? group.children : [group]));
  }
}

for (const form of document.querySelectorAll("[data-counties]")) {
  for (const button of form.querySelectorAll("[data-refresh]")) button.hidden = true;
  form.addEventListener("change", async ({ target }) => {
    if (!target.name?.endsWith("province")) return;
    const place = target.closest("[data-place]");
    const [, select] = place.querySelectorAll("select");
    const prompt = option("", form.dataset.prompt);
    const province = target.value;
    fill(select, [], prompt);
    if (!province) return;
    try {
      const groups = await placesOf(form.dataset.counties, province);
      if (target.value === province) fill(select, groups, prompt);
    } catch {
      place.querySelector("[data-refresh]").hidden = false;
    }
  });
}
