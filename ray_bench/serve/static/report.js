// Parts of a report: copy a command, open what a link points into, see the chosen column.
"use strict";

(() => {
  const openTarget = () => {
    const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target?.scrollIntoView();
  };

  // Only what can be scrolled takes the keyboard's focus and is announced as a region.
  const markRegions = () => {
    for (const box of document.querySelectorAll(".scroll")) {
      const scrolls = box.scrollWidth > box.clientWidth;
      box.toggleAttribute("tabindex", scrolls);
      if (scrolls) {
        box.tabIndex = 0;
        box.setAttribute("role", "region");
      } else {
        box.removeAttribute("role");
      }
    }
  };

  const begin = () => {
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
    for (const chosen of document.querySelectorAll(".meteo thead .is")) {
      const box = chosen.closest(".scroll");
      if (box) box.scrollLeft = chosen.offsetLeft - box.clientWidth / 2;
    }
    markRegions();
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (button === null) return;
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
  addEventListener("resize", markRegions);
  addEventListener("hashchange", openTarget);
  document.addEventListener("toggle", markRegions, true);
  document.addEventListener("htmx:afterSettle", begin);
  begin();
  openTarget();
})();
