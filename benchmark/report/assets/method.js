// A method's page: every seed, losses, codes in two dimensions.
"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const seeds = [...new Set(Object.values(DATA.seeds).flat().map(([seed]) => seed))].sort((a, b) => a - b);

  function dots() {
    const labels = Object.keys(DATA.seeds).filter((label) => DATA.seeds[label].length);
    const traces = seeds.map((seed, i) => {
      const found = labels.flatMap((label) => DATA.seeds[label].filter(([s]) => s === seed).map(([, v]) => [label, v]));
      return {
        x: found.map(([, value]) => value), y: found.map(([label]) => plain(label)), mode: "markers", name: `seed ${seed}`,
        marker: { color: colour(i), symbol: sign(i), size: 10, opacity: 0.85 },
        hovertemplate: `seed ${seed}: %{x:.4f}<extra></extra>`,
      };
    });
    draw("seed-plot", traces, { yaxis: { autorange: "reversed", type: "category" }, hovermode: "closest" });
  }

  function losses() {
    const select = at("term");
    if (!select) return;
    const traces = Object.entries(DATA.losses).filter(([, curves]) => curves[select.value]).map(([seed, curves], i) => ({
      x: curves[select.value].map(([step]) => step), y: curves[select.value].map(([, value]) => value),
      mode: "lines", name: `seed ${seed}`, line: { color: colour(i), width: 1.5 },
    }));
    draw("loss-plot", traces, { xaxis: { title: { text: "step" } }, yaxis: { title: { text: plain(select.value) } } });
  }

  const SCALE = [[0, "#fde725"], [0.25, "#5ec962"], [0.5, "#21918c"], [0.75, "#3b528b"], [1, "#440154"]];
  const SCALE_DARK = [[0, "#fde725"], [0.3, "#7ad151"], [0.6, "#35b7a5"], [1, "#8f93ff"]];
  function codes() {
    const select = at("block");
    if (!select) return;
    const block = DATA.embedding.blocks[select.value], factor = at("factor").value;
    const levels = DATA.embedding.levels[factor], names = DATA.embedding.values[factor] ?? [];
    const said = (level) => names[level] ?? `level ${level}`;
    const marker = { size: 7, opacity: 0.85 };
    const dots = (rows, more) => ({
      x: rows.map((row) => block.x[row] / 1000), y: rows.map((row) => block.y[row] / 1000), mode: "markers",
      type: "scatter", text: rows.map((row) => plain(`${factor}: ${said(levels[row])}`)), hoverinfo: "text", ...more,
    });
    const rows = [...levels.keys()], top = Math.max(...levels);
    let traces;
    if (DATA.embedding.ordinal.includes(factor) || top >= COLOURS.light.length) {
      const marks = [...Array(top + 1).keys()].filter((level) => level % Math.ceil((top + 1) / 6) === 0);
      const bar = {
        tickvals: marks, ticktext: marks.map((level) => plain(said(level))), thickness: 12, outlinewidth: 0,
        orientation: "h", y: -0.42, title: { text: plain(factor), side: "bottom" },
      };
      const scale = { colorscale: look() === "dark" ? SCALE_DARK : SCALE, cmin: 0, cmax: top, colorbar: bar };
      traces = [dots(rows, { marker: { ...marker, ...scale, color: levels }, showlegend: false })];
    } else {
      traces = [...new Set(levels)].sort((a, b) => a - b).map((level) => dots(
        rows.filter((row) => levels[row] === level),
        { name: plain(said(level)), marker: { ...marker, color: colour(level), symbol: sign(level) } },
      ));
    }
    draw("code-plot", traces, {
      xaxis: { title: { text: "first component" } }, yaxis: { title: { text: "second component" } }, hovermode: "closest",
    });
    at("share").textContent = `, which hold ${(100 * block.share).toFixed(0)} % of its variance`;
  }

  if (at("term")) {
    const terms = [...new Set(Object.values(DATA.losses).flatMap((curves) => Object.keys(curves)))];
    options(at("term"), terms.map((term) => [term, term]));
    at("term").addEventListener("change", losses);
  }
  if (at("block")) {
    options(at("block"), Object.keys(DATA.embedding.blocks).map((name) => [name, name]));
    options(at("factor"), Object.keys(DATA.embedding.levels).map((name) => [name, name]));
    const own = () => (DATA.owned[at("block").value] ?? []).find((name) => DATA.embedding.levels[name]);
    at("factor").value = own() ?? at("factor").options[0].value;
    for (const id of ["block", "factor"]) at(id).addEventListener("change", codes);
  }
  const all = () => { dots(); losses(); codes(); };
  document.addEventListener("look", all);
  all();
})();
