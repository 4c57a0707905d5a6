"use strict";

// Charts are drawn from the specifications in #charts when they are seen; what stays undrawn keeps
// its picture.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  const held = document.getElementById("charts");
  const { specs, themes } = held === null ? { specs: {}, themes: {} } : JSON.parse(held.textContent);

  const views = new Map();
  const draw = async (key) => {
    const place = document.getElementById(`chart-${key}`);
    place.hidden = false;
    const name = isDark() ? "dark" : "light";
    const options = {
      actions: false,
      ast: true, // expressions are interpreted: the page's policy forbids eval
      defaultStyle: false,
      renderer: "svg",
      tooltip: { theme: name },
    };
    try {
      const result = await vegaEmbed(place, { ...specs[key], config: themes[name] }, options);
      views.get(key)?.finalize();
      views.set(key, result);
      // The place itself is the image, with its words; the parts of the drawing add none.
      place.querySelector("svg").setAttribute("aria-hidden", "true");
      place.closest("figure").classList.add("live");
    } catch (error) {
      place.hidden = true;
      throw error;
    }
  };

  // What is folded is drawn when it is opened.
  const isSeen = (key) => document.getElementById(`chart-${key}`).closest("details:not([open])") === null;
  const drawSeen = async (again) => {
    delete root.dataset.charts;
    for (const key of Object.keys(specs)) {
      if (isSeen(key) && (again || !views.has(key))) await draw(key);
    }
    root.dataset.charts = "drawn";
  };
  const drawAgain = async () => {
    for (const [key, view] of views) if (!isSeen(key)) { view.finalize(); views.delete(key); }
    await drawSeen(true);
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

  // A link into a fold opens it; paper gets all of them.
  const openTarget = () => {
    const target = location.hash.length > 1 ? document.getElementById(location.hash.slice(1)) : null;
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target?.scrollIntoView();
  };
  // Where the columns of the curve scroll, the chosen one is seen.
  for (const chosen of document.querySelectorAll(".meteo thead .is")) {
    const box = chosen.closest(".scroll");
    box.scrollLeft = chosen.offsetLeft - box.clientWidth / 2;
  }

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.fold:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
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
  }

  const button = document.getElementById("theme");
  const nameButton = () => { button.textContent = isDark() ? "Light colours" : "Dark colours"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameButton();
    drawAgain();
  });
  dark.addEventListener("change", () => { nameButton(); drawAgain(); });
  addEventListener("resize", markRegions);
  addEventListener("hashchange", openTarget);
  document.addEventListener("toggle", () => { markRegions(); drawSeen(false); }, true);
  nameButton();
  openTarget();
  markRegions();
  drawSeen(false);
})();
