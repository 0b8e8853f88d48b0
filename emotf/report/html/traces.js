// One recording at a time: gold standard and predictions over time, the running CCC below, and the plane.
"use strict";

// int16 from base64 to numbers; the lowest of all stands for "not defined".
function numbers(series) {
  const bytes = Uint8Array.from(atob(series.data), (letter) => letter.charCodeAt(0));
  return Array.from(new Int16Array(bytes.buffer), (n) => (n === -32768 ? null : series.shift + series.scale * n));
}

const line = (look, extra) => ({ type: "scatter", mode: "lines", name: look.name, legendgroup: look.name,
  line: { color: look.colour, dash: look.dash, width: look.width }, ...extra });

const clock = (series) => ({ x0: series.start, dx: series.hop, y: numbers(series) });

// Of many systems the others wait in the legend.
const seen = (store, system) => (store.shown.includes(system) ? true : "legendonly");

function overTime(store, recording, target) {
  const of = store.recordings[recording][target];
  const data = [];
  of.systems.forEach(({ system, trace, running }) => {
    const visible = seen(store, system);
    data.push(line(store.looks[system], { ...clock(trace), visible }));
    data.push(line(store.looks[system], { ...clock(running), visible, yaxis: "y2", showlegend: false }));
  });
  data.push(line(store.gold, { ...clock(of.gold), legendrank: 1 })); // on top, and named first
  return { data, height: 520, layout: {
    uirevision: "legend", hovermode: "x",
    xaxis: { title: { text: "time (s)" }, anchor: "y2", uirevision: recording, hoverformat: ".2f" },
    yaxis: { title: { text: store.titles[target] }, domain: [0.4, 1], uirevision: recording + target, hoverformat: ".3f" },
    yaxis2: { title: { text: `CCC, ${store.running_frames} frames` }, domain: [0, 0.3], range: [-1.05, 1.05],
      uirevision: recording + target, hoverformat: ".3f" },
  } };
}

// Valence to the right, arousal upwards; from the dot to the cross.
function inThePlane(store, recording) {
  const [across, up] = store.plane.map((target) => store.recordings[recording][target]);
  const data = [];
  const path = (look, x, y, extra) => {
    const known = x.map((_, i) => i).filter((i) => x[i] !== null && y[i] !== null);
    const outside = known.filter((i) => Math.max(Math.abs(x[i]), Math.abs(y[i])) > 1).length;
    const note = outside ? `, ${((100 * outside) / known.length).toFixed(1)}% outside` : "";
    data.push(line({ ...look, name: look.name + note }, { x, y, opacity: 0.75, legendgroup: look.name, ...extra }));
    const ends = known.length ? [known[0], known.at(-1)] : [];
    data.push({ type: "scatter", mode: "markers", x: ends.map((i) => x[i]), y: ends.map((i) => y[i]),
      marker: { color: look.colour, symbol: ["circle", "x"], size: 9 }, legendgroup: look.name, showlegend: false,
      hoverinfo: "skip", visible: extra.visible });
  };
  across.systems.forEach(({ system, trace }) => {
    const other = up.systems.find((one) => one.system === system);
    if (other) path(store.looks[system], numbers(trace), numbers(other.trace), { visible: seen(store, system) });
  });
  path(store.gold, numbers(across.gold), numbers(up.gold), { legendrank: 1, opacity: 1 });
  const axis = (target) => ({ title: { text: store.titles[target] }, range: [-1.05, 1.05], constrain: "domain",
    uirevision: recording });
  return { data, height: 520, layout: { uirevision: "legend", hovermode: "closest", xaxis: axis(store.plane[0]),
    yaxis: { ...axis(store.plane[1]), scaleanchor: "x" } } };
}

document.querySelectorAll("div.traces").forEach((place) => {
  const store = JSON.parse(place.querySelector("script").textContent);
  const [chosen, target] = place.querySelectorAll("select");
  const [over, plane] = place.querySelectorAll(".canvas");
  const redraw = [lazily(over, () => draw(over, overTime(store, chosen.value, target.value)))];
  if (plane) redraw.push(lazily(plane, () => {
    const both = store.plane.every((name) => name in store.recordings[chosen.value]);
    draw(plane, both ? inThePlane(store, chosen.value) : { data: [], height: 480, layout: {} });
  }));
  const rated = () => { // a recording may lack a target
    for (const option of target.options) option.disabled = !(option.value in store.recordings[chosen.value]);
    if (target.selectedOptions[0]?.disabled) target.value = Object.keys(store.recordings[chosen.value])[0];
  };
  for (const select of [chosen, target])
    select.addEventListener("change", () => { rated(); redraw.forEach((again) => again()); });
  rated();
});
