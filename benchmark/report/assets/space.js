// A space's page: a click or a key plays a level; arrows go to the next.
"use strict";
for (const section of document.querySelectorAll("section.factor")) {
  const player = section.querySelector("audio"), now = section.querySelector(".now");
  const levels = [...section.querySelectorAll("button.level")];
  let queue = [];

  const play = (button) => {
    for (const other of levels) {
      other.tabIndex = other === button ? 0 : -1;
      other.classList.toggle("playing", other === button);
    }
    for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
    player.src = button.dataset.sound;
    now.textContent = button.textContent.trim();
    player.play().catch(() => { now.textContent = `${button.textContent.trim()}: cannot be played here`; });
  };
  for (const [i, button] of levels.entries()) {
    button.addEventListener("click", () => { queue = []; play(button); });
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const next = step ? levels[i + step] : { Home: levels[0], End: levels.at(-1) }[event.key];
      if (step || next) event.preventDefault();
      if (!next) return;
      for (const other of levels) other.tabIndex = other === next ? 0 : -1;
      next.focus();
    });
  }
  section.querySelector("button.all").addEventListener("click", () => { queue = levels.slice(1); play(levels[0]); });
  player.addEventListener("ended", () => { if (queue.length) play(queue.shift()); });
}
