// The look: the reader's own choice, or else the system's. Loaded before anything is drawn.
"use strict";
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("dtones-look"); } catch { /* some browsers keep nothing for files */ }
  const look = () => (chosen === "dark" || chosen === "light" ? chosen : system.matches ? "dark" : "light");
  const apply = () => {
    document.documentElement.dataset.look = look();
    const button = document.getElementById("theme");
    if (button) button.setAttribute("aria-pressed", String(look() === "dark"));
    document.dispatchEvent(new Event("look"));
  };
  apply();
  system.addEventListener("change", apply);
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme").addEventListener("click", () => {
      chosen = look() === "dark" ? "light" : "dark";
      try { localStorage.setItem("dtones-look", chosen); } catch { /* it then lasts for this page */ }
      apply();
    });
  });
})();
