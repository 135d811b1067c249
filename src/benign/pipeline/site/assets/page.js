"use strict";

// ---------------------------------------------------------------- what is packed

/** The text of gzip in base64. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

const packed = (id) => unpacked(document.getElementById(id).textContent);

/** Records from lists by name. */
function records(columns) {
  const names = Object.keys(columns);
  return names.length ? columns[names[0]].map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]]))) : [];
}

// ---------------------------------------------------------------- theme

const root = document.documentElement;
const themeButton = document.getElementById("theme");

function nameTheme() {
  themeButton.textContent = root.dataset.theme === "dark" ? "Light theme" : "Dark theme";
}

themeButton.addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch (error) { /* a browser may keep nothing for files */ }
  nameTheme();
  document.dispatchEvent(new Event("themechange"));
});
nameTheme();

// ---------------------------------------------------------------- claims

const filters = document.getElementById("filters");
const claims = [...document.querySelectorAll("details.claim")].map((element) => ({ element, words: element.textContent.toLowerCase() }));

function filter() {
  const { study, kind, verdict, words } = Object.fromEntries(new FormData(filters));
  const wanted = words.toLowerCase().split(/\s+/);
  let shown = 0;
  for (const { element, words: own } of claims) {
    const data = element.dataset;
    const kept = (!study || data.study === study) && (!kind || data.kind === kind) && (!verdict || data.verdict === verdict) && wanted.every((word) => own.includes(word));
    element.hidden = !kept;
    shown += kept;
  }
  for (const section of document.querySelectorAll("section.study")) {
    section.hidden = !section.querySelector("details.claim:not([hidden])");
  }
  filters.querySelector("output").textContent = `${shown} of ${claims.length} claims`;
}

filters.hidden = false;
filters.addEventListener("input", filter);
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("reset", () => setTimeout(filter)); // after the fields are empty
filter();

/** Open and show what the address names: a claim may be closed, or filtered away. */
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1).split("?")[0]));
  if (target?.closest("section.study, details.claim")?.hidden || target?.closest("section.study")?.hidden) filters.reset();
  if (!target?.matches("details.claim")) return;
  target.open = true;
  target.hidden = false;
  target.closest("section.study").hidden = false;
  target.scrollIntoView();
}

addEventListener("hashchange", follow);
follow();

// ---------------------------------------------------------------- numbers of figures

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a.numbers");
  if (!link) return;
  event.preventDefault();
  const plain = document.createElement("a");
  plain.href = URL.createObjectURL(new Blob([await unpacked(link.href.split(",")[1])], { type: "text/csv" }));
  plain.download = link.download.replace(/\.gz$/, "");
  plain.click();
  URL.revokeObjectURL(plain.href);
});

// ---------------------------------------------------------------- explorer

async function explore() {
  const section = document.getElementById("explorer");
  if (typeof Explorer !== "undefined") {
    const [library, data] = await Promise.all([packed("plotly-source"), packed("explorer-data")]);
    const script = document.createElement("script");
    script.textContent = library;
    document.head.append(script);
    const found = JSON.parse(data);
    for (const name of ["cells", "brackets"]) found[name] = records(found[name]);
    await Explorer.mount(section, found);
  }
  section.dataset.ready = "true";
}

explore();
