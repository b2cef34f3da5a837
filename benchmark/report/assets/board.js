// The board: filters, sorting, and the picture.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  if (!at("filters")) return;
  const LOWER_IS_BETTER = new Set(["seconds", "parameters"]);
  const MOST_NAMES = 12;
  const sections = [...document.querySelectorAll("section.board")];

  // Filters
  function filter() {
    const { value: task } = at("task"), { value: preset } = at("preset"), { value: family } = at("family");
    let rows = 0, tables = 0;
    for (const section of sections) {
      section.hidden = (task && section.dataset.task !== task) || (preset && section.dataset.preset !== preset);
      for (const row of section.querySelectorAll("tr[data-family]")) {
        row.hidden = Boolean(family) && row.dataset.family !== family;
        if (!row.hidden && !section.hidden) rows += 1;
      }
      if (!section.hidden) tables += 1;
    }
    at("shown").textContent = `${rows} ${rows === 1 ? "row" : "rows"} in ${tables} ${tables === 1 ? "table" : "tables"}`;
    const chosen = at("picture-table");
    for (const option of chosen.options) option.hidden = option.disabled = sections[option.value].hidden;
    if (chosen.selectedOptions[0]?.disabled) chosen.value = [...chosen.options].find((o) => !o.disabled)?.value ?? "";
    picture();
  }

  // Sorting: dashes last, whichever way.
  function sort(header) {
    const table = header.closest("table"), body = table.tBodies[0];
    const column = [...header.parentNode.children].indexOf(header);
    const numeric = header.classList.contains("number");
    const before = header.getAttribute("aria-sort");
    const first = numeric && header.textContent !== "rank" ? "descending" : "ascending";
    const now = before === null ? first : before === "ascending" ? "descending" : "ascending";
    for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", now);
    const way = now === "ascending" ? 1 : -1;
    const key = (row) => row.children[column].dataset.sort;
    body.append(...[...body.rows].sort((a, b) => {
      if (!numeric) return way * a.children[column].textContent.localeCompare(b.children[column].textContent);
      if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
      return way * (Number(key(a)) - Number(key(b)));
    }));
  }

  // The picture. Pareto front: those than which no other is as good in both and better in one; controls do not compete.
  function front(points, x, y) {
    const good = (p, metric) => (LOWER_IS_BETTER.has(metric) ? -1 : 1) * p.values[metric][0];
    const beats = (p, q) => good(p, x) >= good(q, x) && good(p, y) >= good(q, y)
      && (good(p, x) > good(q, x) || good(p, y) > good(q, y));
    return points.filter((q) => !q.control && !points.some((p) => !p.control && beats(p, q)))
      .sort((p, q) => p.values[x][0] - q.values[x][0]);
  }
  const told = ([mean, half]) => half === null ? String(mean) : `${mean} ± ${half}`;

  function picture() {
    const index = at("picture-table").value, x = at("axis-x").value, y = at("axis-y").value;
    const all = (DATA.tables[index] ?? []).filter((p) => p.values[x] && p.values[y]);
    const family = at("family").value;
    const points = all.filter((p) => !family || DATA.families[family] === p.family);
    const best = front(points, x, y);
    const named = (p) => points.length <= MOST_NAMES || best.includes(p); // more would hide each other
    const error = (list, metric) => ({
      type: "data", array: list.map((p) => p.values[metric][1] ?? 0), thickness: 1.2, width: 3,
    });
    const traces = [{
      x: best.map((p) => p.values[x][0]), y: best.map((p) => p.values[y][0]), mode: "lines+markers",
      name: "Pareto front", hoverinfo: "skip", line: { color: css("--ink"), width: 1, dash: "dot" },
      marker: { symbol: "circle-open", size: 22, color: css("--ink"), line: { width: 1.5 } },
    }];
    const across = points.map((p) => p.values[x][0]);
    const middle = (Math.min(...across) + Math.max(...across)) / 2;
    // A name goes to the side that has room.
    const aside = (p) => (p.values[x][0] > middle ? "top left" : "top right");
    DATA.families.forEach((name, i) => {
      const list = points.filter((p) => p.family === name);
      if (!list.length) return;
      const control = list.every((p) => p.control);
      traces.push({
        x: list.map((p) => p.values[x][0]), y: list.map((p) => p.values[y][0]), mode: "markers+text", name: plain(name),
        text: list.map((p) => (named(p) ? plain(p.name) : "")), textposition: list.map(aside), textfont: { size: 11, color: colour(i) },
        customdata: list.map((p) => p.href), cliponaxis: false,
        hovertext: list.map((p) => `<b>${plain(p.name)}</b><br>${plain(DATA.axes[x])}: ${told(p.values[x])}<br>`
          + `${plain(DATA.axes[y])}: ${told(p.values[y])}<br>rank ${p.rank ?? "—"}`),
        hoverinfo: "text", error_x: error(list, x), error_y: error(list, y),
        marker: { color: colour(i), size: 10, symbol: sign(i) + (control ? "-open" : ""), line: { width: 1.5 } },
      });
    });
    const scale = (metric) => ({
      title: { text: plain(DATA.axes[metric]) }, ...(LOWER_IS_BETTER.has(metric) ? { rangemode: "tozero" } : {}),
    });
    const place = draw("picture", traces, { xaxis: scale(x), yaxis: scale(y), hovermode: "closest" });
    place.removeAllListeners?.("plotly_click");
    place.on("plotly_click", (event) => {
      const page = event.points[0].customdata;
      if (page) location.href = page;
    });
    const names = best.map((p) => p.name).join(", ") || "none";
    at("front").textContent = `On the front: ${names}.`;
    place.setAttribute("aria-label", `Scatter plot of ${points.length} methods, ${DATA.axes[x]} across and `
      + `${DATA.axes[y]} upwards. On the Pareto front: ${names}. The tables below have the numbers.`);
  }

  for (const id of ["task", "preset", "family"]) at(id).addEventListener("change", filter);
  for (const id of ["picture-table", "axis-x", "axis-y"]) at(id).addEventListener("change", picture);
  for (const button of document.querySelectorAll("table.sortable th > button")) {
    button.addEventListener("click", () => sort(button.parentNode));
  }
  at("filters").addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("look", picture);
  filter();
})();
