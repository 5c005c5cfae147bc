// The declaration form: a resident ID number fills sex and birth date at once; rows are added without the server.
const MAX_ROWS = 10;
const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]; // GB 11643
const RESIDENT_KINDS = ["01", "02"];

function normalised(number) {
  return number.normalize("NFKC").replace(/[\s\-·]/g, "").toUpperCase();
}

function isResidentNumber(number) {
  if (!/^\d{17}[\dX]$/.test(number)) return false;
  const sum = WEIGHTS.reduce((total, weight, i) => total + weight * Number(number[i]), 0);
  return "10X98765432"[sum % 11] === number[17];
}

function fillIdentity(form) {
  const kind = form.elements.document_kind;
  const number = normalised(form.elements.document_number.value);
  if (!RESIDENT_KINDS.includes(kind.value) || !isResidentNumber(number)) return;
  form.elements.birth_date.value = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`;
  form.elements.sex.value = Number(number[16]) % 2 ? "1" : "2";
}

function addRow(stays) {
  const rows = stays.querySelectorAll("[data-row]");
  const row = rows[rows.length - 1].cloneNode(true);
  for (const element of row.querySelectorAll("[id], [name], [for], [aria-describedby]")) {
    for (const attribute of ["id", "name", "for"]) {
      const value = element.getAttribute(attribute);
      if (value) element.setAttribute(attribute, value.replace(/_\d+_/, `_${rows.length}_`));
    }
    element.removeAttribute("aria-describedby");
    element.removeAttribute("aria-invalid");
  }
  for (const error of row.querySelectorAll(".error")) error.remove();
  for (const field of row.querySelectorAll(".has-error")) field.classList.remove("has-error");
  const [province, county] = row.querySelectorAll("select");
  province.selectedIndex = 0;
  county.replaceChildren(new Option(stays.closest("form").dataset.prompt, ""));
  for (const input of row.querySelectorAll("input")) input.value = "";
  rows[rows.length - 1].after(row);
  stays.querySelector("input[type=hidden]").value = rows.length + 1;
  stays.querySelector("[data-add]").hidden = rows.length + 1 >= MAX_ROWS;
  province.focus();
}

for (const form of document.querySelectorAll("[data-module~=declaration]")) {
  form.addEventListener("input", ({ target }) => {
    if (["document_number", "document_kind"].includes(target.name)) fillIdentity(form);
  });
  for (const stays of form.querySelectorAll("[data-stays]")) {
    stays.querySelector("[data-add]")?.addEventListener("click", (event) => {
      event.preventDefault();
      addRow(stays);
    });
  }
}
