// Sends a clip to the server that the page came from, and draws what it answers.
"use strict";

const by = (id) => document.getElementById(id);
const { about, titles, colours, plane: axes, words: places } =
  JSON.parse(document.querySelector("#program script").textContent);
const NEAREST = 8; // words that are told
let shownAnswer = null, busy = false, link = "";

function say(status, refused = "") {
  by("status").textContent = status;
  by("refused").textContent = refused;
}

async function send(file) {
  if (busy) return say(by("status").textContent, "One clip at a time: this one is not done yet.");
  if (file.size > about.max_mb * 1e6)
    return say("", `The clip is larger than ${about.max_mb} MB, which is the most that is taken here; send a smaller one.`);
  busy = true;
  by("drop").classList.add("busy");
  say(`${file.name}: sent, waiting for its traces …`);
  try {
    const form = new FormData();
    form.append("clip", file, "clip"); // its name stays here
    const response = await fetch("predict", { method: "POST", body: form });
    const answer = await response.json();
    if (!response.ok) return say("", `${file.name}: ${answer.error}`);
    say(`${file.name}: done.`);
    show(file.name, answer);
  } catch {
    say("", `${file.name}: the server cannot be reached, or broke off; try again.`);
  } finally {
    busy = false;
    by("drop").classList.remove("busy");
  }
}

function facts({ times, found, note }) {
  const lines = [`${times.length} values from ${times[0].toFixed(2)} to ${times.at(-1).toFixed(2)} s.`];
  for (const [stream, share] of Object.entries(found))
    if (share < 1) lines.push(`${stream}: nothing was found in ${(100 * (1 - share)).toFixed(0)} % of its frames.`);
  if (note) lines.push(note);
  return lines.join(" ");
}

function show(name, answer) {
  shownAnswer = answer;
  document.querySelectorAll(".empty").forEach((element) => { element.hidden = true; });
  document.querySelectorAll(".answer").forEach((element) => { element.hidden = false; });
  by("name").textContent = name;
  by("facts").textContent = facts(answer);
  URL.revokeObjectURL(link);
  link = URL.createObjectURL(new Blob([answer.csv], { type: "text/csv" }));
  by("download").href = link;
  by("download").download = `${name.replace(/\.[^.]*$/, "")}.csv`;
  if (axes) tellWords(answer);
  redraw();
  by("traces").scrollIntoView();
}

function alongTime({ times, traces, words }) {
  const data = Object.entries(traces).map(([target, values]) => line(
    { name: titles[target], colour: colours[target], dash: "solid", width: 2 },
    { x: times, y: values, text: words ?? undefined, hovertemplate: `%{y:.3f}${words ? " %{text}" : ""}` }));
  return { data, height: 420, layout: { hovermode: "x unified", showlegend: true,
    xaxis: { title: { text: "time (s)" }, hoverformat: ".2f" },
    yaxis: { title: { text: "value" }, hoverformat: ".3f" } } };
}

function inPlane({ traces, words }) {
  const [x, y] = axes.map((target) => traces[target]);
  const named = [...new Set(words ?? [])].filter((word) => word in places);
  const ends = [0, x.length - 1];
  const data = [
    { type: "scatter", mode: "text", x: named.map((word) => places[word][0]), y: named.map((word) => places[word][1]),
      text: named, textfont: { color: "var(--soft)" }, hoverinfo: "skip", showlegend: false },
    line({ name: "path", colour: colours[axes[1]], dash: "solid", width: 1.5 },
      { x, y, text: words ?? undefined, hovertemplate: `%{x:.3f}, %{y:.3f}${words ? "<br>%{text}" : ""}<extra></extra>` }),
    { type: "scatter", mode: "markers", x: ends.map((i) => x[i]), y: ends.map((i) => y[i]), hoverinfo: "skip",
      marker: { color: colours[axes[1]], symbol: ["circle", "x"], size: 10 }, showlegend: false },
  ];
  const reach = Math.max(1.05, ...[...x, ...y].map((value) => 1.05 * Math.abs(value)));
  const axis = (target) => ({ title: { text: titles[target] }, range: [-reach, reach], constrain: "domain" });
  const circle = { type: "circle", x0: -1, y0: -1, x1: 1, y1: 1, line: { color: "var(--line)" } };
  return { data, height: Math.min(480, by("plane").clientWidth + 40), layout: { showlegend: false, hovermode: "closest", shapes: [circle],
    xaxis: axis(axes[0]), yaxis: { ...axis(axes[1]), scaleanchor: "x" } } };
}

// The words of most frames, with their share of the time and how far off they are.
function tellWords({ words, distances }) {
  const place = by("words");
  place.replaceChildren();
  place.hidden = !words;
  if (!words) return;
  const counted = new Map();
  words.forEach((word, i) => {
    if (!word) return;
    const [count, distance] = counted.get(word) ?? [0, 0];
    counted.set(word, [count + 1, distance + distances[i]]);
  });
  const table = document.createElement("table"), body = table.createTBody();
  const cells = (row, texts, kind) => texts.forEach((text, i) => {
    const cell = document.createElement(kind);
    cell.textContent = text;
    if (i) cell.className = "number";
    row.append(cell);
  });
  cells(table.createTHead().insertRow(), ["nearest word", "of the time", "mean distance"], "th");
  for (const [word, [count, distance]] of [...counted].sort((a, b) => b[1][0] - a[1][0]).slice(0, NEAREST))
    cells(body.insertRow(), [word, `${((100 * count) / words.length).toFixed(0)} %`, (distance / count).toFixed(2)], "td");
  place.append(table);
}

function redraw() {
  if (!shownAnswer) return;
  draw(by("over"), alongTime(shownAnswer));
  if (axes) draw(by("plane"), inPlane(shownAnswer));
}

themed.push(redraw);
by("curl").textContent = by("curl").textContent.replace("predict", new URL("predict", location.href.split("#")[0]));
by("clip").addEventListener("change", (event) => {
  if (event.target.files.length) send(event.target.files[0]);
  event.target.value = ""; // the same file may be sent again
});
for (const name of ["dragover", "dragleave", "drop"])
  document.addEventListener(name, (event) => {
    event.preventDefault();
    by("drop").classList.toggle("over", name === "dragover");
    if (name === "drop" && event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
  });
