"use strict";

/* From plot to picture. agreement.js hands over, as "agreement": source, labels of measures, and pairs (observer to
   measure to [subject, automatic, manual]). state.focus is what the reader came from: observer, measure. */

const PLOT = { values: null, observer: "", measure: "" };
const ROLE_WORDS = { ed: "end-diastole", es: "end-systole" };

function agreement(values) {
  PLOT.values = values;
  PLOT.observer = Object.keys(values.pairs).includes("manual") ? "manual" : Object.keys(values.pairs)[0];
  PLOT.measure = Object.keys(values.pairs[PLOT.observer]).find((name) => name === "lvef_pct") || Object.keys(values.pairs[PLOT.observer])[0];
  drawPlot();
}

function showPlot() {
  if (!ROOM.compared) return say("There is no observer to compare with.");
  if (!byId("plot").hidden) return hidePlot();
  byId("plot").hidden = false;
  byId("card").hidden = true;
  if (PLOT.values) return drawPlot();
  const script = element("script", { src: "agreement.js" });
  script.onerror = () => { hidePlot(); say("agreement.js is not beside this page."); };
  document.head.append(script);
}

function hidePlot() {
  byId("plot").hidden = true;
  byId("card").hidden = false;
}

function select(label, values, chosen, words, change) {
  const made = element("select", { ariaLabel: label });
  for (const value of values) made.append(element("option", { value, textContent: words(value), selected: value === chosen }));
  made.addEventListener("change", () => { change(made.value); drawPlot(); });
  return made;
}

function drawPlot() {
  const { source, labels, pairs, limit, fewest } = PLOT.values, measures = Object.keys(labels).filter((name) => pairs[PLOT.observer][name]);
  if (!measures.includes(PLOT.measure)) PLOT.measure = measures[0];
  const [label, unit, digits] = labels[PLOT.measure];
  const points = pairs[PLOT.observer][PLOT.measure].map(([subject, automatic, manual]) => (
    { subject, x: (automatic + manual) / 2, y: automatic - manual, automatic, manual }
  ));
  const chosen = [
    select("Measure", measures, PLOT.measure, (name) => labels[name][0], (value) => { PLOT.measure = value; }),
    select("Observer", Object.keys(pairs), PLOT.observer, (name) => `${source} against ${name}`, (value) => { PLOT.observer = value; }),
  ];
  byId("plot").replaceChildren(
    element("div", { className: "verdicts" }, ...chosen, element("button", { textContent: "Back (b)", onclick: hidePlot })),
    element("p", { className: "unit", textContent: `Differences (${source} less ${PLOT.observer}, at the observer's frames) over means, ${points.length} subjects; bias and limits of agreement of these points. A point leads to its subject; hollow ones have no card here (review.room: all shows everybody).` }),
  );
  byId("plot").insertAdjacentHTML("beforeend", scatter(points, `${label} (${unit})`, digits, points.length < fewest ? 0 : limit));
  byId("plot").querySelectorAll("circle").forEach((circle, at) => {
    circle.addEventListener("click", () => follow(points[at].subject));
    circle.addEventListener("keydown", (event) => { if (event.key === "Enter") follow(points[at].subject); });
  });
}

function scatter(points, words, digits, limit) {
  const width = 820, height = 460, left = 60, right = 110, top = 16, bottom = 46;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const bias = mean(points.map((one) => one.y));
  const sd = Math.sqrt(points.reduce((sum, one) => sum + (one.y - bias) ** 2, 0) / Math.max(points.length - 1, 1));
  const lines = limit ? [["bias", bias], ["upper limit", bias + limit * sd], ["lower limit", bias - limit * sd]] : [["bias", bias]];
  const ends = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)], room = (high - low || 1) * 0.06;
    return [low - room, high + room];
  };
  const [x0, x1] = ends(points.map((one) => one.x)), [y0, y1] = ends([0, ...points.map((one) => one.y), ...lines.map((line) => line[1])]);
  const x = (value) => left + ((value - x0) / (x1 - x0)) * (width - left - right);
  const y = (value) => height - bottom - ((value - y0) / (y1 - y0)) * (height - top - bottom);
  const text = (value) => value.toFixed(digits).replace("-", "\u2212");
  const parts = [`<line x1="${left}" x2="${width - right}" y1="${y(0)}" y2="${y(0)}" stroke="#aab0b7"/>`];
  for (const [name, value] of lines) {
    parts.push(`<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#5d6670" stroke-dasharray="${name === "bias" ? "" : "5 4"}"/>`);
    parts.push(`<text x="${width - right + 6}" y="${y(value) + 4}">${name} ${text(value)}</text>`);
  }
  for (const value of [y0, 0, y1]) parts.push(`<text x="${left - 6}" y="${y(value) + 4}" text-anchor="end">${text(value)}</text>`);
  for (const value of [x0, (x0 + x1) / 2, x1]) parts.push(`<text x="${x(value)}" y="${height - bottom + 18}" text-anchor="middle">${text(value)}</text>`);
  parts.push(`<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">Mean of both, ${words}</text>`);
  parts.push(`<text transform="translate(14 ${(top + height - bottom) / 2}) rotate(-90)" text-anchor="middle">Difference</text>`);
  const shown = new Set(ROOM.subjects.map((one) => one.s));
  for (const one of points) {
    const has = shown.has(one.subject), name = one.subject.replace(/[&<>"]/g, "");
    parts.push(`<circle cx="${x(one.x)}" cy="${y(one.y)}" r="5" tabindex="0" fill="${has ? "#3d94cf" : "#fff"}" fill-opacity="0.75" stroke="#1f5f8b"><title>${name}: ${text(one.automatic)} automatic, ${text(one.manual)} manual</title></circle>`);
  }
  return `<svg width="${width}" height="${height}" role="img" aria-label="Bland-Altman plot of ${words}">${parts.join("")}</svg>`;
}

function follow(key) {
  if (!ROOM.subjects.some((one) => one.s === key)) return say(`${key} has no card here: it is not flagged. review.room: all shows everybody.`);
  state.focus = { observer: PLOT.observer, measure: PLOT.measure };
  byId("card").replaceChildren();
  if (!state.shown.some((one) => one.s === key)) {
    for (const id of ["search", "status", "finding", "dataset", "verdict"]) byId(id).value = "";
    filter();
  }
  hidePlot();
  go(state.shown.findIndex((one) => one.s === key));
}

/* --- on the card: the slices that make the difference --- */

// Structure and roles that a measure of the focus is taken from; null for measures of no short-axis structure.
function focusOf(values) {
  const { observer, measure } = state.focus || {};
  const found = values.differences[observer];
  const structure = /^lvm_|^lvri_/.test(measure) ? "MYO" : /^lv/.test(measure) ? "LV" : /^rv/.test(measure) ? "RV" : "";
  if (!found || !structure) return null;
  const wanted = /edv|lvm_/.test(measure) ? ["ed"] : /esv/.test(measure) ? ["es"] : ["ed", "es"];
  const roles = wanted.filter((role) => found[role]?.[structure]?.some((value) => value !== null));
  return roles.length ? { observer, structure, roles, found } : null;
}

const largest = (differences) => differences.reduce((best, value, at) => (
  Math.abs(value ?? 0) > Math.abs(differences[best] ?? 0) ? at : best
), 0);
const signed = (value) => `${value < 0 ? "\u2212" : "+"}${Math.abs(value).toFixed(1)} mL`;

function differencesOf(values) {
  const focus = focusOf(values), box = element("div", { id: "differences" });
  if (!focus) return box;
  for (const role of focus.roles) {
    const listed = focus.found[role][focus.structure], worst = largest(listed);
    const total = listed.reduce((sum, value) => sum + (value ?? 0), 0);
    box.append(element("h3", { textContent: `${focus.structure} at ${ROLE_WORDS[role]}: ${signed(total)} against ${focus.observer}` }));
    box.append(element("p", { textContent: `Most in slice ${worst + 1} of ${listed.length} from the base (${signed(listed[worst])}); it is marked in the pictures.` }));
    const most = Math.max(...listed.map((value) => Math.abs(value ?? 0))) || 1;
    const bars = listed.map((value, at) => {
      const high = (Math.abs(value ?? 0) / most) * 26, top = value > 0 ? 30 - high : 30;
      return `<rect x="${at * 34 + 6}" width="22" y="${top}" height="${high}" fill="${at === worst ? "#b3261e" : "#8fa3b5"}"/><text x="${at * 34 + 17}" y="74" text-anchor="middle">${value === null ? "" : value.toFixed(1).replace("-", "\u2212")}</text>`;
    });
    box.insertAdjacentHTML("beforeend", `<svg width="${listed.length * 34 + 10}" height="80" role="img" aria-label="Differences by slice from base to apex, mL"><line x1="0" x2="${listed.length * 34 + 8}" y1="30" y2="30" stroke="#aab0b7"/>${bars.join("")}</svg>`);
  }
  return box;
}

// Frames around the slices of a sheet that make the difference.
function marks(values, media) {
  const focus = focusOf(values);
  if (!focus) return [];
  const roles = media.kind === "cine" ? focus.roles : focus.roles.filter((role) => role === media.kind);
  return roles.map((role) => {
    const listed = focus.found[role][focus.structure], at = largest(listed);
    const columns = Math.min(values.columns, listed.length), rows = Math.ceil(listed.length / columns);
    const mark = element("div", { className: "mark", title: `${ROLE_WORDS[role]}: ${signed(listed[at])}` });
    Object.assign(mark.style, {
      left: `${(100 * (at % columns)) / columns}%`, top: `${(100 * Math.floor(at / columns)) / rows}%`,
      width: `${100 / columns}%`, height: `${100 / rows}%`,
    });
    return mark;
  });
}
