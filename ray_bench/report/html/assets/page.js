"use strict";

// Charts are drawn from the specifications in #charts; what stays undrawn keeps its picture.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const wide = matchMedia("(min-width: 64rem)");
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

  const button = document.getElementById("theme");
  const nameButton = () => { button.textContent = isDark() ? "Light colours" : "Dark colours"; };

  const views = new Map();
  const draw = async (key, spec, config) => {
    const place = document.getElementById(`chart-${key}`);
    place.hidden = false;
    const options = {
      actions: false,
      ast: true, // expressions are interpreted: the page's policy forbids eval
      defaultStyle: false,
      renderer: "svg",
      tooltip: { theme: isDark() ? "dark" : "light" },
    };
    try {
      const result = await vegaEmbed(place, { ...spec, config }, options);
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

  const drawAll = async () => {
    const held = document.getElementById("charts");
    if (held === null) return;
    delete root.dataset.charts;
    const { specs, themes } = JSON.parse(held.textContent);
    for (const [key, spec] of Object.entries(specs)) {
      await draw(key, spec, themes[isDark() ? "dark" : "light"]);
    }
    root.dataset.charts = "drawn";
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

  const layOut = () => {
    document.getElementById("contents").open = wide.matches;
    markRegions();
  };

  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameButton();
    drawAll();
  });
  dark.addEventListener("change", () => { nameButton(); drawAll(); });
  wide.addEventListener("change", layOut);
  addEventListener("resize", markRegions);
  document.addEventListener("toggle", markRegions, true);
  nameButton();
  layOut();
  drawAll();
})();
