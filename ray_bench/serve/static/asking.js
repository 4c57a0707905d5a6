// The form for a new sweep, and commands that can be copied.
"use strict";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button || button.dataset.busy) return;
  const code = button.parentElement.querySelector("code");
  const was = button.textContent;
  button.dataset.busy = "1";
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => { button.textContent = was; delete button.dataset.busy; }, 1500);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// What is refused is said at once, to those who do not see it, too.
document.addEventListener("DOMContentLoaded", () => {
  const refused = document.getElementById("refused");
  if (refused) refused.focus();
});
