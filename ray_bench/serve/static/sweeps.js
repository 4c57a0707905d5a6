// Says what is selected. Without it the button compares all the same.
"use strict";

function tell() {
  const said = document.getElementById("selected");
  if (!said) return;
  const names = [...document.querySelectorAll("#list .check:checked")].map((x) => x.dataset.name);
  for (const box of document.querySelectorAll("#list .check")) box.closest("tr").classList.toggle("sel", box.checked);
  said.textContent = names.length ? `${names.length} selected: ${names.join(", ")}` : "Select two or more to compare.";
}

document.addEventListener("change", tell);
document.addEventListener("reset", () => setTimeout(tell));
document.addEventListener("htmx:afterSettle", tell);
document.addEventListener("DOMContentLoaded", tell);
