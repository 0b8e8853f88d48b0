// Draws the plots of the page in its colours, each when it comes into view.
"use strict";

const NARROW = 320; // pixels of a panel

// Every "var(--name)" in a plot, resolved to the colour that it has now.
function coloured(node, style = getComputedStyle(root)) {
  if (typeof node === "string") return node.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  if (Array.isArray(node)) return node.map((item) => coloured(item, style));
  if (node && Object.getPrototypeOf(node) === Object.prototype)
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, coloured(value, style)]));
  return node;
}

function template() {
  const line = { gridcolor: "var(--line)", linecolor: "var(--line)", zerolinecolor: "var(--line)", ticks: "",
    title: { font: { size: 13 } } };
  return coloured({ layout: {
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "var(--ink)" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis: line, yaxis: line,
    hoverlabel: { bgcolor: "var(--panel)", bordercolor: "var(--line)", font: { color: "var(--ink)" }, align: "left",
      namelength: -1 },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)" },
    modebar: { orientation: "v", bgcolor: "rgba(0,0,0,0)", color: "var(--soft)", activecolor: "var(--ink)" },
  } });
}

const touch = matchMedia("(pointer: coarse)").matches; // a finger scrolls the page; the bar switches zoom and pan on
// The buttons are named one by one: by itself plotly offers one that sends the data to its maker.
const config = { responsive: true, displaylogo: false, displayModeBar: touch ? true : "hover",
  showSendToCloud: false, plotlyServerURL: "",
  modeBarButtons: [["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "resetScale2d"]] };

// Pixels that the legend is going to need above the plot, from the letters of its names.
function legendHeight(plot, width) {
  if (plot.layout.showlegend === false) return 0;
  const names = plot.data.filter((trace) => trace.name && trace.showlegend !== false).map((trace) => trace.name);
  const lines = (name) => name.split("<br>");
  const wide = names.reduce((sum, name) => sum + 50 + 7 * Math.max(...lines(name).map((line) => line.length)), 0);
  const high = Math.max(0, ...names.map((name) => lines(name).length));
  return 20 * high * Math.ceil(wide / width);
}

function draw(canvas, plot) {
  let height = plot.height + legendHeight(plot, canvas.clientWidth);
  const layout = { margin: { l: 55, r: 40, t: 25, b: 50 }, dragmode: touch ? false : "zoom", ...plot.layout };
  if (plot.panels) {
    const columns = Math.max(1, Math.min(plot.panels, Math.floor(canvas.clientWidth / NARROW)));
    const rows = Math.ceil(plot.panels / columns);
    layout.grid = { rows, columns, pattern: "independent", xgap: 0.2, ygap: 0.28 };
    height = rows * plot.height;
  }
  canvas.style.height = `${height}px`;
  Plotly.react(canvas, coloured(plot.data), { ...coloured(layout), height, template: template() }, config);
}

// Calls `render` when the element comes near the screen, and again whenever the theme changes or it is asked to.
function lazily(element, render) {
  let seen = false;
  const again = () => { if (seen) render(); };
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    seen = true;
    render();
  }, { rootMargin: "400px" }).observe(element);
  themed.push(again);
  return again;
}

document.querySelectorAll("figure.plot").forEach((figure) => {
  const choices = JSON.parse(figure.querySelector("script").textContent), canvas = figure.querySelector(".canvas");
  const again = lazily(canvas, () => {
    const plot = choices[figure.querySelector("input:checked")?.value ?? Object.keys(choices)[0]];
    figure.querySelector(".note").textContent = plot.note;
    draw(canvas, plot);
  });
  figure.querySelectorAll("input").forEach((input) => input.addEventListener("change", again));
  let width = 0; // panels stand side by side as far as there is room
  new ResizeObserver(() => { if (width !== (width = canvas.clientWidth)) again(); }).observe(canvas);
});
