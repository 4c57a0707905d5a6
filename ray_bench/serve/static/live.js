// A running sweep: the log is followed, folds stay open, and silence is said.
"use strict";

(() => {
  const MAX_LETTERS = 200000;
  const SILENT_MS = 40000;
  let heard = Date.now();

  function follow() {
    const log = document.getElementById("log");
    const box = document.getElementById("follow");
    if (log && box && box.checked) log.scrollTop = log.scrollHeight;
  }

  document.addEventListener("DOMContentLoaded", follow);
  document.addEventListener("change", (event) => { if (event.target.id === "follow") follow(); });

  // What is open stays open when its part is replaced.
  let open = [];
  document.addEventListener("htmx:sseBeforeMessage", () => {
    heard = Date.now();
    open = [...document.querySelectorAll("#live details[id][open]")].map((x) => x.id);
  });
  document.addEventListener("htmx:sseMessage", (event) => {
    for (const id of open) {
      const fold = document.getElementById(id);
      if (fold) fold.open = true;
    }
    if (event.detail && event.detail.type === "log") {
      const log = document.getElementById("log");
      while (log && log.textContent.length > MAX_LETTERS && log.firstChild !== log.lastChild) log.firstChild.remove();
      follow();
    }
  });

  setInterval(() => {
    const live = document.getElementById("live");
    if (!live || !live.hasAttribute("sse-connect") || live.dataset.over) return;
    const state = live.querySelector("[sse-swap='state'] .state");
    const silent = Math.round((Date.now() - heard) / 1000);
    if (state && Date.now() - heard > SILENT_MS) {
      state.className = "state warn";
      state.textContent = `no news for ${silent} s`;
    }
  }, 1000);
  document.addEventListener("htmx:sseClose", (event) => {
    const live = document.getElementById("live");
    if (live && event.detail && event.detail.type === "message") live.dataset.over = "1";
  });
})();
