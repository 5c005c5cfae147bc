// The button that fills in one's own number: the answer is the same page, of which only the field is taken.
for (const button of document.querySelectorAll("[data-module~=own-phone]")) {
  async function fill(event) {
    event.preventDefault();
    const data = new FormData(button.form);
    data.append("button", button.value);
    const field = button.form.elements.phone;
    button.disabled = true;
    try {
      const response = await fetch(button.form.action, { method: "POST", body: data });
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      field.value = page.getElementById(field.id).value;
      // Unless the person has gone on meanwhile.
      if (!field.form.contains(document.activeElement) || document.activeElement === button) field.focus();
    } catch {
      button.disabled = false;
      button.removeEventListener("click", fill); // the ordinary way, with a page that loads
      button.click();
    }
    button.disabled = false;
  }
  button.addEventListener("click", fill);
}
