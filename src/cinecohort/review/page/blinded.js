"use strict";

/* ROOM.cases: c code, r region, d digest of what is seen. Which side is automatic is in no file beside this page. */

const CHOICES = [["agreement", "Good agreement", "a"], ["left", "Left is better", "l"], ["right", "Right is better", "r"], ["not sure", "Not sure", "u"]];
const REGION_WORDS = { basal: "Basal slices", mid: "Mid-ventricular slices", apical: "Apical slices" };
const COLUMNS = ["case", "region", "choice", "analyst", "time", "digest"];
const STORE = `cinecohort-blinded:${location.pathname}`;
const byId = (id) => document.getElementById(id);
const state = { at: 0, events: [], analyst: "", contours: true, saved: 0 };

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function say(text) {
  byId("message").textContent = text;
  byId("message").hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { byId("message").hidden = true; }, 6000);
}

function keep() {
  try {
    const { events, analyst, saved } = state;
    localStorage.setItem(STORE, JSON.stringify({ events, analyst, saved }));
  } catch {
    say("This browser does not keep scores. Download assessment.tsv now, and before you close the page.");
  }
}

const place = (one) => `${one.case}\t${one.region}`;
const latest = () => new Map(state.events.map((event) => [place(event), event]));
const clean = (text) => String(text ?? "").replace(/[\t\r\n"]+/g, " ").trim();

function choose(choice) {
  const shown = ROOM.cases[state.at];
  if (!shown) return;
  if (!state.analyst) {
    say("Enter your initials first: scores carry them.");
    byId("analyst").focus();
    return;
  }
  const time = new Date().toISOString().slice(0, 19) + "Z";
  state.events.push({ case: shown.c, region: shown.r, choice, analyst: state.analyst, time, digest: shown.d });
  keep();
  go(state.at + 1);
}

function undo() {
  const event = state.events.pop();
  if (!event) return say("There is nothing to undo.");
  state.saved = Math.min(state.saved, state.events.length);
  keep();
  go(Math.max(ROOM.cases.findIndex((one) => one.c === event.case && one.r === event.region), 0));
}

function download() {
  const rows = [...latest().values()].map((event) => COLUMNS.map((name) => clean(event[name])).join("\t"));
  const url = URL.createObjectURL(new Blob([[COLUMNS.join("\t"), ...rows].join("\n") + "\n"], { type: "text/tab-separated-values" }));
  element("a", { href: url, download: "assessment.tsv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  state.saved = state.events.length;
  keep();
}

async function load(file) {
  const [header, ...lines] = (await file.text()).replace(/\r/g, "").split("\n").filter(Boolean);
  const names = (header || "").split("\t");
  if (COLUMNS.some((name) => !names.includes(name))) return say("This is no assessment.tsv: a column is missing.");
  for (const line of lines) {
    const cells = line.split("\t");
    state.events.push(Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""])));
  }
  keep();
  go(state.at);
  say(`${lines.length} scores loaded.`);
}

function go(at) {
  state.at = Math.max(0, Math.min(at, ROOM.cases.length - 1));
  const shown = ROOM.cases[state.at], scores = latest();
  const done = ROOM.cases.filter((one) => scores.has(`${one.c}\t${one.r}`)).length;
  byId("progress").textContent = `${done} of ${ROOM.cases.length} scored`;
  if (!shown) return byId("sides").replaceChildren("No subject has both automatic and manual contours.");
  byId("region").textContent = `${REGION_WORDS[shown.r]} (${state.at + 1} of ${ROOM.cases.length})`;
  const mine = scores.get(`${shown.c}\t${shown.r}`)?.choice;
  byId("choices").replaceChildren(...CHOICES.map(([choice, words, key]) => element("button", {
    className: `accept ${mine === choice ? "chosen" : ""}`, textContent: `${words} (${key})`, onclick: () => choose(choice),
  })));
  byId("sides").replaceChildren(...["left", "right"].map((side) => element("figure", {},
    element("img", { src: `blinded/${shown.c}_${shown.r}_${state.contours ? side : "plain"}.webp`, alt: `${side} contours` }),
    element("figcaption", { textContent: side[0].toUpperCase() + side.slice(1) }))));
}

const next = () => go(state.at + 1), previous = () => go(state.at - 1);
const KEYS = {
  n: next, ArrowRight: next, p: previous, ArrowLeft: previous, z: undo, d: download,
  o: () => { state.contours = !state.contours; go(state.at); },
  ...Object.fromEntries(CHOICES.map(([choice, , key]) => [key, () => choose(choice)])),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.tagName === "INPUT") {
    if (event.key === "Escape" || event.key === "Enter") event.target.blur();
    return;
  }
  if (!KEYS[event.key]) return;
  KEYS[event.key]();
  event.preventDefault();
});

window.addEventListener("beforeunload", (event) => { if (state.events.length > state.saved) event.preventDefault(); });

function start() {
  document.title = `Blinded assessment: ${ROOM.title}`;
  byId("title").textContent = `Blinded assessment: ${ROOM.title}`;
  byId("synthetic").hidden = !ROOM.synthetic;
  try {
    Object.assign(state, JSON.parse(localStorage.getItem(STORE) || "{}"));
  } catch {
    say("What this browser kept of earlier scores cannot be read. Load your last assessment.tsv.");
  }
  byId("analyst").value = state.analyst;
  byId("analyst").addEventListener("input", (event) => { state.analyst = clean(event.target.value); keep(); });
  byId("download").addEventListener("click", download);
  byId("load").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); });
  const scores = latest();
  go(Math.max(ROOM.cases.findIndex((one) => !scores.has(`${one.c}\t${one.r}`)), 0));
}

start();
