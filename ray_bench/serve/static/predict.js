// The number of a slider follows at once; the answer comes from the server.
"use strict";

(() => {
  const form = document.getElementById("sliders");
  const say = (slider) => {
    const words = slider.dataset.words;
    const shown = words === undefined
      ? `${Number(slider.value).toFixed(2)} ${slider.dataset.unit}`
      : words.split("|")[Number(slider.value)];
    form.querySelector(`output[for="${slider.id}"]`).textContent = shown;
  };
  form.addEventListener("input", (event) => {
    if (event.target.type === "range") say(event.target);
    // Who writes a limit means its aim.
    if (["deadline", "budget"].includes(event.target.name) && event.target.type !== "radio") {
      form.querySelector(`[name="aim"][value="${event.target.name}"]`).checked = true;
    }
  });
})();
