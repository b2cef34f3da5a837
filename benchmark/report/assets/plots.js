// What every plot shares: colours of the look, text that is never read as markup, data of the page.
"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
// Okabe & Ito's colours, darkened or lightened until they stand out 3:1 from the page.
const COLOURS = {
  light: ["#0072b2", "#b34700", "#00795a", "#a63d7c", "#6f5a00", "#3b3b3b", "#5b4bb5", "#8a1c1c", "#2f7f9e", "#6a7a00"],
  dark: ["#5cb8f0", "#ff9142", "#3ccf9f", "#f09ac9", "#f0e442", "#d0d0d0", "#b3a6ff", "#ff8a8a", "#8fd9f0", "#c9dc55"],
};
const SIGNS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "pentagon", "hexagon", "star-diamond", "cross", "x"];
const look = () => document.documentElement.dataset.look;
const colour = (i) => COLOURS[look()][i % COLOURS[look()].length];
const sign = (i) => SIGNS[i % SIGNS.length];
// Plotly reads a little HTML in texts; names are strangers'.
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function draw(id, traces, more = {}) {
  const place = document.getElementById(id);
  if (!place) return;
  const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), automargin: true };
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: css("--ink"), family: "system-ui, sans-serif", size: 13 },
    margin: { l: 48, r: 12, t: 12, b: 48 },
    hoverlabel: { bgcolor: css("--panel"), bordercolor: css("--ink"), font: { color: css("--ink") } },
    legend: { orientation: "h", y: place.classList.contains("small") ? -0.34 : -0.22, x: 0 },
    ...more,
    xaxis: { ...axis, ...more.xaxis }, yaxis: { ...axis, ...more.yaxis },
  };
  Plotly.react(place, traces, layout, { displayModeBar: false, responsive: true });
  return place;
}

function options(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
}
