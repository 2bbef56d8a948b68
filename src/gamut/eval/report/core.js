// SPDX-License-Identifier: Apache-2.0
// What every view uses: the data, elements, names of measures, colors of methods, statistics over seeds.
// Text from the data reaches the page by textContent alone.
const errors = [];
window.addEventListener("error", (event) => errors.push(String(event.message)));
let data = JSON.parse(document.getElementById("data").textContent);

function el(tag, attributes, ...children) {
  const node = tag.startsWith("svg:") ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4)) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "style") node.style.cssText = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined && child !== "") node.append(child);
  return node;
}

// Key in metrics.jsonl or evals.jsonl -> what a newcomer understands: the table of measures, and what training writes.
const onNewPrompts = (measure) => ["heldout." + measure.key, [measure.title + " on new prompts", measure.about + ", for prompts never trained on"]];
const NAMES = {
  ...Object.fromEntries(data.measure_table.flatMap((measure) => [[measure.key, [measure.title, measure.about]], onNewPrompts(measure)])),
  reward_mean: ["Training reward, noisy pictures", "mean over an iteration"],
  group_distance: ["Variety while training", "mean distance within a prompt's group"],
};
// "" where neither more nor less is better.
const direction = (key) => (data.measure_table.find((measure) => measure.key === key.replace(/^heldout\./, "")) || {}).direction;
const VARIETY = ["feature_distance", "color_spread", "color_pairs", "pairwise_distance", "feature_vendi", "vendi"];
const label = (key) => (NAMES[key] ? NAMES[key][0] : key.replaceAll("_", " "));
const about = (key) => (NAMES[key] ? NAMES[key][1] : "");

const number = (value, digits = 3) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(size >= 100 ? digits + 1 : digits)));
};
const percent = (share) => (Number.isFinite(share) ? Math.round(100 * share) + " %" : "–");
const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN);
const known = (values) => values.filter((value) => Number.isFinite(value));
const unique = (values) => [...new Set(values)];
const minutes = (seconds) => (seconds < 90 ? Math.round(seconds) + " s" : seconds < 5400 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h");

const methods = () => unique(data.runs.map((run) => run.recipe));
const runsOf = (method) => data.runs.filter((run) => run.recipe === method);
const color = (method) => (method === "base" ? "var(--base)" : `var(--m${Math.max(0, methods().indexOf(method)) % 8})`);
// The value of a CSS variable, for canvases.
const paint = (css) => (css.startsWith("var(") ? getComputedStyle(document.documentElement).getPropertyValue(css.slice(4, -1)).trim() : css);
const nameTag = (method) => el("span", { class: "name" }, el("span", { class: "dot", style: `background:${color(method)}` }), method);

// Rows of one run that charts use; the reporting seeds where there are some, with what held-out prompts add.
const HELDOUT = [...data.measure_table.filter((measure) => measure.scope === "held-out").map((measure) => measure.key), "reward"];
function withHeldout(row, heldout) {
  const added = HELDOUT.filter((key) => heldout && Number.isFinite(heldout.values[key])).map((key) => ["heldout." + key, heldout.values[key]]);
  return added.length ? { ...row, values: { ...row.values, ...Object.fromEntries(added) } } : row;
}
const rows = (run, role) => run.evaluations.filter((row) => row.role === role && row.weights !== "raw" && row.set === "prompts");
function shownRows(run) {
  const reported = new Map(rows(run, "report").map((row) => [row.step, row]));
  const heldout = new Map(run.evaluations.filter((row) => row.set === "heldout" && row.weights !== "raw").map((row) => [row.step, row]));
  return rows(run, "select").map((row) => withHeldout(reported.get(row.step) || row, heldout.get(row.step)));
}
const lastRow = (run) => shownRows(run).at(-1);
const baseValue = (key) => mean(known(data.runs.map((run) => shownRows(run)[0]).filter((row) => row && row.step === 0).map((row) => row.values[key])));
const lastValues = (method, key) => known(runsOf(method).map((run) => (lastRow(run) ? lastRow(run).values[key] : NaN)));
const measured = () => unique(data.runs.flatMap((run) => shownRows(run).flatMap((row) => Object.keys(row.values))));
const isMeasure = (key) => measured().includes(key) && Number.isFinite(baseValue(key));

function choice(text, options, value, change) {
  const select = el("select", { onchange: () => change(select.value) }, options.map(([key, name]) => el("option", { value: key, selected: key === value }, name)));
  return el("label", {}, text, select);
}

function section(id, title, lead, ...children) {
  return el("section", { id, "aria-labelledby": id + "-title" }, el("h2", { id: id + "-title" }, title), el("p", { class: "lead" }, lead), ...children);
}

// What a reader has chosen; outlives a reload of a followed page.
const state = Object.assign({ x: "reward", y: "", metric: "", axis: "step", hidden: [], pictures: null, palette: null, ink: false, group: {}, all: false, order: "advantage" },
  JSON.parse(sessionStorageGet() || "{}"));
function sessionStorageGet() { try { return sessionStorage.getItem("gamut-report"); } catch (error) { return null; } }
function remember() { try { sessionStorage.setItem("gamut-report", JSON.stringify(state)); } catch (error) { /* private windows */ } }

// Draws `count` tiles of an atlas, `perRow` side by side, once its picture is there.
const loaded = new Map();
function image(source) {
  if (!loaded.has(source)) {
    const picture = new Image();
    loaded.set(source, { picture, ready: new Promise((done) => { picture.onload = picture.onerror = () => done(); }) });
    picture.src = source;
  }
  return loaded.get(source);
}
function tiles(atlas, first, count, perRow, text) {
  const rowCount = Math.ceil(count / perRow), gap = Math.max(1, Math.round(atlas.width / 16));
  const canvas = el("canvas", { width: perRow * (atlas.width + gap) - gap, height: rowCount * (atlas.height + gap) - gap, role: "img", "aria-label": text });
  const { picture, ready } = image(atlas.picture);
  const draw = () => {
    const context = canvas.getContext("2d");
    for (let i = 0; i < count && picture.width; ++i) {
      const at = first + i;
      context.drawImage(picture, (at % atlas.columns) * atlas.width, Math.floor(at / atlas.columns) * atlas.height, atlas.width, atlas.height,
        (i % perRow) * (atlas.width + gap), Math.floor(i / perRow) * (atlas.height + gap), atlas.width, atlas.height);
    }
  };
  if (picture.complete && picture.width) draw(); else ready.then(draw);
  return canvas;
}
