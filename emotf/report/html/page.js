// Light or dark, contents that follow the reader, tables that sort.
"use strict";

const root = document.documentElement;
const themed = []; // what has to be drawn anew when the theme changes

function setTheme(name) {
  root.dataset.theme = name;
  document.getElementById("theme").textContent = name === "dark" ? "light" : "dark";
  themed.forEach((draw) => draw());
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const asked = location.hash.slice(1); // #dark and #light choose one, for pictures of the page
setTheme(["dark", "light"].includes(asked) ? asked : prefersDark.matches ? "dark" : "light");
prefersDark.addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () =>
  setTheme(root.dataset.theme === "dark" ? "light" : "dark"));

const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.getAttribute("href").slice(1), link]));
const reading = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    links.forEach((link) => link.removeAttribute("aria-current"));
    links.get(entry.target.id).setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -70% 0px" });
document.querySelectorAll("main > section").forEach((section) => reading.observe(section));

// Numbers as numbers, text as people count ("s2" before "s10"); what is undefined stays last in both directions.
function compare(one, other, sign) {
  const [a, b] = [one, other].map((cell) => cell.dataset.value);
  if (a === undefined || b === undefined)
    return sign * one.textContent.localeCompare(other.textContent, undefined, { numeric: true });
  if (a === "" || b === "") return (a === "") - (b === "");
  return sign * (Number(a) - Number(b));
}

function sort(head) {
  const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const rows = [...body.rows].sort((one, other) => compare(one.cells[column], other.cells[column], sign));
  body.append(...rows);
}

document.querySelectorAll("th button").forEach((button) =>
  button.addEventListener("click", () => sort(button.parentElement)));
