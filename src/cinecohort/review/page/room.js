"use strict";

/* Names: "subject" is an entry of ROOM.subjects (s key, d dataset, t status, c codes, n findings, p probability,
   v verdicts that the run was given, by reviewer);
   "card" is what subjects/<key>/card.js hands over; an "event" is one row of verdicts.tsv. */

const ROW_HEIGHT = 44, CARDS_KEPT = 40;
const GRAVITY = { error: 0, excluded: 1, review: 2, ok: 3 };
const STATUS_WORDS = { error: "error", excluded: "excluded", review: "flagged", ok: "not flagged" };
const VIEW_WORDS = { sa: "short axis", la_2ch: "2-chamber", la_3ch: "3-chamber", la_4ch: "4-chamber" };
const COLOURS = { LV: "#e69f00", MYO: "#00a878", RV: "#3d94cf", LA: "#b0558a", RA: "#8f8400" };
const COLUMNS = ["subject", "view", "structure", "verdict", "comment", "reviewer", "time", "digest"];
const STORE = `cinecohort-review:${location.pathname}`;
const byId = (id) => document.getElementById(id);

const state = { shown: [], at: 0, events: [], comments: {}, reviewer: "", contours: true, saved: 0, focus: null };
const cards = new Map(), waiting = new Set();
let latest = new Map();

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/* --- verdicts: a list of events, the last one of a place holds --- */

const place = (event) => `${event.subject}\t${event.view}\t${event.structure}`;

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE) || "{}");
    Object.assign(state, { events: kept.events || [], comments: kept.comments || {}, reviewer: kept.reviewer || "", saved: kept.saved || 0 });
  } catch {
    say("What this browser kept of earlier verdicts cannot be read. Load your last verdicts.tsv.");
  }
  index();
}

function index() {
  latest = new Map();
  for (const event of state.events) {
    if (event.verdict) latest.set(place(event), event);
    else latest.delete(place(event));
  }
}

function keep() {
  try {
    const { events, comments, reviewer, saved } = state;
    localStorage.setItem(STORE, JSON.stringify({ events, comments, reviewer, saved }));
  } catch {
    say("This browser does not keep verdicts. Download verdicts.tsv now, and before you close the page.");
  }
}

const verdictOf = (key, view = "", structure = "") => latest.get(`${key}\t${view}\t${structure}`)?.verdict || "";

function partsOf(card) {
  const parts = [];
  for (const [view, structures] of Object.entries(card.structures)) {
    if (!card.digests[view]) continue;
    parts.push([view, ""], ...structures.map((structure) => [view, structure]));
  }
  return parts;
}

function judge(verdict, view = "", structure = "") {
  const subject = state.shown[state.at];
  const card = subject && cards.get(subject.s);
  if (!card) return;
  if (!state.reviewer) {
    say("Enter your initials first: verdicts carry them.");
    byId("reviewer").focus();
    return;
  }
  if (verdictOf(card.subject, view, structure) === verdict) verdict = "";
  state.events.push({
    subject: card.subject, view, structure, verdict, comment: "", reviewer: state.reviewer,
    time: new Date().toISOString().slice(0, 19) + "Z", digest: card.digests[view] || "",
  });
  index();
  keep();
  if (verdict && !view) go(state.at + 1);
  else refresh();
}

function undo() {
  const event = state.events.pop();
  if (!event) return say("There is nothing to undo.");
  state.saved = Math.min(state.saved, state.events.length);
  index();
  keep();
  const at = state.shown.findIndex((subject) => subject.s === event.subject);
  go(at < 0 ? state.at : at);
}

const clean = (text) => String(text ?? "").replace(/[\t\r\n]+/g, " ").replace(/"/g, "'").trim();

function verdictsText() {
  const rows = [...latest.values()].map((event) => {
    const comment = state.comments[event.subject] || "";
    return COLUMNS.map((name) => clean(name === "comment" ? comment : event[name])).join("\t");
  });
  return [COLUMNS.join("\t"), ...rows].join("\n") + "\n";
}

function download() {
  const url = URL.createObjectURL(new Blob([verdictsText()], { type: "text/tab-separated-values" }));
  element("a", { href: url, download: "verdicts.tsv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
  state.saved = state.events.length;
  keep();
  const silent = Object.keys(state.comments).filter((key) => state.comments[key] && !judged(key)).length;
  if (silent) say(`${silent} comment(s) without a verdict are not in the file: a comment goes with its verdict.`);
}

async function load(file) {
  const [header, ...lines] = (await file.text()).replace(/\r/g, "").split("\n").filter(Boolean);
  if (!header || COLUMNS.some((name) => !header.split("\t").includes(name))) {
    return say("This is no verdicts.tsv: a column is missing.");
  }
  const names = header.split("\t"), nothingOpen = state.saved === state.events.length;
  for (const line of lines) {
    const cells = line.split("\t");
    const event = Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ""]));
    state.events.push(event);
    if (event.comment) state.comments[event.subject] = event.comment;
  }
  if (nothingOpen) state.saved = state.events.length;  // The file that was loaded holds them.
  index();
  keep();
  filter();
  say(`${lines.length} verdicts loaded.`);
}

/* --- the list --- */

const judged = (key) => {
  if (verdictOf(key)) return true;
  for (const name of latest.keys()) if (name.startsWith(`${key}\t`)) return true;
  return false;
};

const differ = (subject) => new Set(Object.values(subject.v || {})).size > 1;

function choices(id, all, values, words = (value) => value) {
  const select = byId(id);
  select.append(element("option", { value: "", textContent: all }));
  for (const value of values) select.append(element("option", { value, textContent: words(value) }));
  select.addEventListener("change", filter);
}

function filter() {
  const search = byId("search").value.trim().toLowerCase();
  const [status, finding, dataset, verdict] = ["status", "finding", "dataset", "verdict"].map((id) => byId(id).value);
  const before = state.shown[state.at]?.s;
  state.shown = ROOM.subjects.filter((subject) => (
    (!search || subject.s.toLowerCase().includes(search)) && (!status || subject.t === status)
    && (!dataset || subject.d === dataset) && (!finding || subject.c.includes(finding))
    && (!verdict || (verdict === "differ" ? differ(subject) : verdict === "none" ? !judged(subject.s) : verdictOf(subject.s) === verdict))
  ));
  const at = state.shown.findIndex((subject) => subject.s === before);
  byId("count").textContent = `${state.shown.length.toLocaleString("en")} of ${ROOM.subjects.length.toLocaleString("en")} subjects, worst first`;
  byId("space").style.height = `${state.shown.length * ROW_HEIGHT}px`;
  go(Math.max(at, 0));
}

function drawList() {
  const list = byId("list"), space = byId("space");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - 5);
  const last = Math.min(state.shown.length, first + Math.ceil(list.clientHeight / ROW_HEIGHT) + 10);
  space.replaceChildren(...state.shown.slice(first, last).map((subject, offset) => {
    const at = first + offset, verdict = verdictOf(subject.s);
    const row = element("div", { className: "row", onclick: () => go(at) });
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", at === state.at);
    row.style.top = `${at * ROW_HEIGHT}px`;
    row.append(
      element("span", { className: `tag ${verdict}`, textContent: verdict || (judged(subject.s) ? "part rejected" : "") }),
      subject.s,
      element("small", { textContent: [STATUS_WORDS[subject.t] || subject.t, ...subject.c].join(" · ") }),
    );
    return row;
  }));
}

function go(at) {
  state.at = Math.max(0, Math.min(at, state.shown.length - 1));
  const list = byId("list"), top = state.at * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT - list.clientHeight;
  refresh();
}

function refresh() {
  drawList();
  const done = ROOM.subjects.filter((subject) => verdictOf(subject.s)).length;
  byId("progress").textContent = `${done.toLocaleString("en")} of ${ROOM.subjects.length.toLocaleString("en")} judged`;
  const subject = state.shown[state.at];
  if (!subject) return byId("card").replaceChildren("No subject fits these filters.");
  fetchCard(subject.s);
  if (state.shown[state.at + 1]) fetchCard(state.shown[state.at + 1].s);
  const card = cards.get(subject.s);
  if (card) drawCard(card);
  else byId("card").replaceChildren(`Loading ${subject.s} …`);
}

/* --- the card --- */

const folderOf = (key) => `subjects/${encodeURIComponent(key)}`;

function fetchCard(key) {
  if (cards.has(key) || waiting.has(key)) return;
  waiting.add(key);
  const script = element("script", { src: `${folderOf(key)}/card.js` });
  script.onload = () => script.remove();
  script.onerror = () => {
    script.remove();
    waiting.delete(key);
    if (state.shown[state.at]?.s === key) byId("card").replaceChildren(`The files of ${key} are not beside this page.`);
  };
  document.head.append(script);
}

// Called by subjects/<key>/card.js.
function card(values) {
  waiting.delete(values.subject);
  cards.set(values.subject, values);
  if (cards.size > CARDS_KEPT) {
    const oldest = [...cards.keys()].find((key) => key !== state.shown[state.at]?.s && key !== values.subject);
    cards.delete(oldest);
  }
  if (state.shown[state.at]?.s === values.subject) drawCard(values);
}

function drawCard(values) {
  const box = byId("card");
  if (box.dataset.subject !== values.subject || !box.querySelector(".verdicts")) {
    box.dataset.subject = values.subject;
    box.scrollTop = 0;
    box.replaceChildren(
      element("h2", { textContent: values.subject }), about(values), element("div", { className: "verdicts" }), differencesOf(values),
      pictures(values, "cine"), element("div", { className: "columns" }, findings(values), curves(values), measures(values)),
      pictures(values, "still"),
    );
  }
  drawVerdicts(values, box.querySelector(".verdicts"));
}

function about(values) {
  const parts = [STATUS_WORDS[values.status] || values.status, `dataset ${values.dataset}`];
  if ("all" in values.probability) {
    const each = Object.entries(values.probability).map(([name, p]) => `${name === "all" ? "any" : name} ${Math.round(100 * p)} %`);
    parts.push(`probability of failure: ${each.join(", ")}`);
  }
  if (values.corrected.length) parts.push(`label map corrected by a person: ${values.corrected.map((view) => VIEW_WORDS[view]).join(", ")}`);
  const said = Object.entries(ROOM.subjects.find((one) => one.s === values.subject)?.v || {});
  if (said.length) parts.push(`verdicts that the run was given: ${said.map(([who, verdict]) => `${who} ${verdict}`).join(", ")}`);
  if (values.unvalidated) parts.push(`network not validated: ${values.unvalidated.split(",").map((view) => VIEW_WORDS[view]).join(", ")}`);
  return element("div", { className: "unit", textContent: parts.join(" · ") });
}

function drawVerdicts(values, box) {
  const key = values.subject, buttons = [["accept", "a"], ["reject", "r"], ["unsure", "u"]].map(([verdict, hint]) => (
    element("button", {
      className: `${verdict} ${verdictOf(key) === verdict ? "chosen" : ""}`,
      textContent: `${verdict[0].toUpperCase()}${verdict.slice(1)} (${hint})`, onclick: () => judge(verdict),
    })
  ));
  const parts = partsOf(values).map(([view, structure], at) => element("button", {
    className: `reject ${verdictOf(key, view, structure) ? "chosen" : ""}`,
    textContent: `${structure || VIEW_WORDS[view]}${structure && view !== "sa" ? ` ${VIEW_WORDS[view]}` : ""}${at < 9 ? ` (${at + 1})` : ""}`,
    onclick: () => judge("reject", view, structure),
  }));
  const comment = element("textarea", { id: "comment", value: state.comments[key] || "", placeholder: "Comment (c)" });
  comment.addEventListener("input", () => { state.comments[key] = comment.value; });
  comment.addEventListener("change", () => { if (judged(key)) state.saved = -1; keep(); });
  box.replaceChildren(...buttons, element("span", { className: "unit", textContent: parts.length ? "Reject only:" : "" }), ...parts, comment);
}

function pictures(values, kind) {
  const box = element("div"), folder = folderOf(values.subject);
  const wanted = values.media.filter((one) => (one.kind === "cine") === (kind === "cine"));
  for (const one of wanted) {
    const words = one.kind === "cine" ? `${VIEW_WORDS[one.view]}${one.view === "sa" ? ", base to apex" : ""}`
      : `${one.kind === "ed" ? "End-diastole" : "End-systole"}, frame ${one.frame + 1}${one.who ? `, drawn by ${one.who}` : ""}`;
    const file = state.contours || !one.plain ? one.file : one.plain;
    const image = element("img", { src: `${folder}/${file}`, width: one.width, height: one.height, loading: "lazy", alt: words });
    if (one.plain) image.dataset.other = `${folder}/${state.contours ? one.plain : one.file}`;
    const shown = element("div", { className: "shown" }, image, ...(one.view === "sa" ? marks(values, one) : []));
    box.append(element("figure", {}, shown, element("figcaption", { textContent: words })));
  }
  if (kind === "cine" && !wanted.length) box.append(values.fault || "There is no image to show.");
  return box;
}

function toggleContours() {
  state.contours = !state.contours;
  for (const image of document.querySelectorAll("img[data-other]")) {
    [image.src, image.dataset.other] = [image.dataset.other, image.src];
  }
}

function findings(values) {
  const items = values.findings.map((one) => element(
    "li", { className: one.level }, `${one.message} `,
    element("span", { className: "level", textContent: `${one.code}: ${one.words}${one.level === "info" ? " (no flag)" : ""}` }),
  ));
  const list = items.length ? element("ul", {}, ...items) : element("p", { textContent: "None." });
  return element("div", { className: "findings" }, element("h3", { textContent: "Findings" }), list);
}

function measures(values) {
  const rows = values.measures.map((one) => {
    const interval = one.low && one.high ? `90 % interval ${one.low} to ${one.high}` : "";
    const z = one.z ? `healthy ${one.range}, z ${one.z.replace("-", "\u2212")}` : "";
    return element("tr", {},
      element("td", { textContent: one.label }), element("td", { className: "number", textContent: one.value }),
      element("td", { className: "unit", textContent: one.unit }), element("td", { className: "unit", textContent: interval }),
      element("td", { className: `unit ${Math.abs(one.z) > 1.96 ? "reject" : ""}`, textContent: z, title: z && "95 % of healthy people of this sex and age; standard deviations from their mean" }));
  });
  const who = values.source ? ` (${values.kind === "manual" ? "drawn by" : "by"} ${values.source})` : "";
  const voided = values.voided.map((sentence) => element("p", { textContent: sentence }));
  const body = rows.length ? element("table", {}, ...rows) : element("p", { textContent: "None." });
  return element("div", {}, element("h3", { textContent: `Measures${who}` }), body, ...voided);
}

function curves(values) {
  const box = element("div", {}, element("h3", { textContent: "Volume over the heart beat (mL)" }));
  const listed = Object.entries(values.curves.volume_ml || {}).filter(([, curve]) => curve.some((v) => v !== null));
  if (!listed.length) return element("div");
  const width = 380, height = 210, left = 40, right = 70, top = 14, bottom = 24;
  const frames = Math.max(...listed.map(([, curve]) => curve.length));
  const most = Math.max(...listed.flatMap(([, curve]) => curve.filter((v) => v !== null))) || 1;
  const x = (t) => left + (frames > 1 ? t / (frames - 1) : 0.5) * (width - left - right);
  const y = (v) => height - bottom - (v / most) * (height - top - bottom);
  const parts = [`<line x1="${left}" x2="${width - right}" y1="${y(0)}" y2="${y(0)}" stroke="#aab0b7"/>`];
  for (const value of [0, most]) parts.push(`<text x="${left - 5}" y="${y(value) + 4}" text-anchor="end">${Math.round(value)}</text>`);
  for (const [role, words] of [["ed_frame", "ED"], ["es_frame", "ES"]]) {
    const frame = values.curves[role];
    if (frame === null || frame === undefined) continue;
    parts.push(`<line x1="${x(frame)}" x2="${x(frame)}" y1="${top}" y2="${y(0)}" stroke="#5d6670" stroke-dasharray="3 3"/>`);
    parts.push(`<text x="${x(frame)}" y="${height - 8}" text-anchor="middle">${words}</text>`);
  }
  let lowest = -Infinity;
  const ends = listed.map(([name, curve]) => [name, y([...curve].reverse().find((v) => v !== null))]).sort((a, b) => a[1] - b[1]);
  for (const [name, curve] of listed) {
    let path = "", pen = "M";
    curve.forEach((value, t) => {
      if (value === null) { pen = "M"; return; }
      path += `${pen}${x(t).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = "L";
      if (curve.length < 4) parts.push(`<circle cx="${x(t)}" cy="${y(value)}" r="3" fill="${COLOURS[name] || "#555"}"/>`);
    });
    parts.push(`<path d="${path}" fill="none" stroke="${COLOURS[name] || "#555"}" stroke-width="2"/>`);
  }
  for (const [name, end] of ends) {
    lowest = Math.max(end + 4, lowest + 12);
    parts.push(`<text x="${width - right + 6}" y="${lowest}" style="fill:${COLOURS[name] || "#555"}">${name}</text>`);
  }
  box.insertAdjacentHTML("beforeend", `<svg width="${width}" height="${height}" role="img" aria-label="Volume curves">${parts.join("")}</svg>`);
  return box;
}

/* --- messages, keys, start --- */

function say(text) {
  byId("message").textContent = text;
  byId("message").hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { byId("message").hidden = true; }, 6000);
}

const toggleKeys = () => { byId("keys").hidden = !byId("keys").hidden; };

const KEYS = {
  n: () => go(state.at + 1), ArrowRight: () => go(state.at + 1), p: () => go(state.at - 1), ArrowLeft: () => go(state.at - 1),
  a: () => judge("accept"), r: () => judge("reject"), u: () => judge("unsure"), z: undo, o: toggleContours, d: download, b: showPlot,
  c: () => byId("comment")?.focus(), "/": () => byId("search").focus(), "?": toggleKeys, Escape: () => { byId("keys").hidden = true; },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
    if (event.key === "Escape" || (event.key === "Enter" && event.target.tagName === "INPUT")) event.target.blur();
    return;
  }
  const values = cards.get(state.shown[state.at]?.s);
  const part = /^[1-9]$/.test(event.key) && values ? partsOf(values)[event.key - 1] : null;
  if (part) judge("reject", ...part);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

// Agreement of the reviewers whose files the run was given.
function drawReviewers() {
  const text = (value) => (value === null ? "not defined" : value.toFixed(2));
  byId("reviewers").hidden = !ROOM.reviewers.length;
  byId("reviewers").append(...ROOM.reviewers.map((row) => element("div", { textContent: row.n
    ? `${row.first}, ${row.second}: ${row.n_same} of ${row.n} the same; ${row.weights} kappa ${text(row.kappa)}${row.kappa === null ? "" : ` (${text(row.ci_low)} to ${text(row.ci_high)})`}`
    : `${row.first}, ${row.second}: no subject judged by both` })));
}

// The worst first: errors and exclusions, then the likeliest to have failed, where the run says how likely.
function rank(subject) {
  const stopped = subject.t === "error" || subject.t === "excluded";
  return [stopped ? 0 : 1, stopped ? GRAVITY[subject.t] : -(subject.p ?? (subject.t === "review" ? 1 : 0)), GRAVITY[subject.t] ?? 9, -subject.n];
}

function compare(a, b) {
  const [first, second] = [rank(a), rank(b)];
  const at = first.findIndex((value, place) => value !== second[place]);
  return at < 0 ? a.s.localeCompare(b.s) : first[at] - second[at];
}

window.addEventListener("beforeunload", (event) => { if (state.events.length > state.saved) event.preventDefault(); });

function start() {
  document.title = `Review room: ${ROOM.title}`;
  byId("title").textContent = ROOM.title;
  byId("synthetic").hidden = !ROOM.synthetic;
  ROOM.subjects.sort(compare);
  const unique = (values) => [...new Set(values)].sort();
  choices("status", "Any status", Object.keys(GRAVITY).filter((name) => ROOM.subjects.some((one) => one.t === name)), (name) => STATUS_WORDS[name]);
  choices("finding", "Any finding", unique(ROOM.subjects.flatMap((one) => one.c)), (code) => `${code}: ${ROOM.words[code] || ""}`);
  choices("dataset", "Any dataset", unique(ROOM.subjects.map((one) => one.d)));
  const verdicts = ["none", "accept", "reject", "unsure", ...(ROOM.subjects.some(differ) ? ["differ"] : [])];
  choices("verdict", "Any verdict", verdicts, (name) => ({ none: "not judged", differ: "reviewers differ" })[name] || name);
  drawReviewers();
  recall();
  byId("reviewer").value = state.reviewer;
  byId("reviewer").addEventListener("input", (event) => { state.reviewer = clean(event.target.value); keep(); });
  byId("search").addEventListener("input", filter);
  byId("list").addEventListener("scroll", drawList);
  byId("download").addEventListener("click", download);
  byId("show-plot").hidden = !ROOM.compared;
  byId("show-plot").addEventListener("click", showPlot);
  byId("help").addEventListener("click", toggleKeys);
  byId("load").addEventListener("change", (event) => { if (event.target.files[0]) load(event.target.files[0]); });
  window.addEventListener("resize", drawList);
  filter();
}

start();
