// Put the focus on the error summary, so that a screen reader reads it first.
for (const element of document.querySelectorAll("[data-module~=focus]")) element.focus();
