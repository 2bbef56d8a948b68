// SPDX-License-Identifier: Apache-2.0
// Quality against variety: every checkpoint a dot, with its pictures on hover, focus or tap.
// Units of the drawing, upright on a phone; set when it is drawn.
let WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM;
function measurePlot() {
  [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = innerWidth < 640 ? [520, 560, 70, 124, 20, 66] : [960, 520, 64, 150, 24, 56];
}

function ticks(low, high) {
  const rough = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const out = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-9; value += step) out.push(Number(value.toPrecision(12)));
  return out;
}
function scale(values, from, to) {
  let low = Math.min(...values), high = Math.max(...values);
  const pad = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  low -= pad; high += pad;
  const map = (value) => from + ((value - low) / (high - low)) * (to - from);
  map.ticks = ticks(low, high);
  return map;
}

// Checkpoints that no other of the run beats in both.
function attainable(points) {
  return points.filter((a) => !points.some((b) => b !== a && b.x >= a.x && b.y >= a.y && (b.x > a.x || b.y > a.y))).sort((a, b) => a.x - b.x);
}

function checkpoints(run) {
  return shownRows(run).map((row) => ({ run, row, x: row.values[state.x], y: row.values[state.y] })).filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
}

function sheetAt(run, step) {
  return run.sheets.length ? run.sheets.reduce((a, b) => (Math.abs(b.step - step) < Math.abs(a.step - step) ? b : a)) : null;
}

function showTip(point, target) {
  const tip = document.getElementById("tip"), sheet = sheetAt(point.run, point.row.step);
  tip.replaceChildren(nameTag(point.run.recipe), ` ${point.run.name}, step ${point.row.step}`, el("br"),
    `${label(state.x)} ${number(point.x)} · ${label(state.y)} ${number(point.y)}`,
    Number.isFinite(point.row.values.judge_exact) ? ` · judge exact ${number(point.row.values.judge_exact)}` : "",
    sheet ? tiles(sheet, 0, sheet.columns * data.sheet_prompts.length, sheet.columns, "sample sheet") : "",
    sheet && sheet.step !== point.row.step ? el("small", {}, `pictures of step ${sheet.step}, the nearest kept`) : "");
  tip.hidden = false;
  const at = target.getBoundingClientRect(), size = tip.getBoundingClientRect();
  // Beside the dot, on a phone below or above it.
  const fitsRight = at.right + 12 + size.width < innerWidth, fitsLeft = at.left - size.width - 12 > 0, isBeside = fitsRight || fitsLeft;
  const left = fitsRight ? at.right + 12 : fitsLeft ? at.left - size.width - 12 : Math.max(8, Math.min(at.left - size.width / 2, innerWidth - size.width - 8));
  const below = at.bottom + 12 + size.height < innerHeight ? at.bottom + 12 : at.top - size.height - 12;
  tip.style.left = left + "px";
  tip.style.top = Math.max(8, isBeside ? Math.min(at.top - size.height / 2, innerHeight - size.height - 8) : below) + "px";
}
const hideTip = () => { document.getElementById("tip").hidden = true; };

function axes(plot, x, y) {
  for (const value of x.ticks) plot.append(el("svg:line", { class: "grid", x1: x(value), x2: x(value), y1: TOP, y2: HEIGHT - BOTTOM }),
    el("svg:text", { class: "axis", x: x(value), y: HEIGHT - BOTTOM + 22, "text-anchor": "middle" }, number(value)));
  for (const value of y.ticks) plot.append(el("svg:line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
    el("svg:text", { class: "axis", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, number(value)));
  plot.append(el("svg:text", { class: "title", x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, label(state.x) + " →"),
    el("svg:text", { class: "title", transform: `translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`, "text-anchor": "middle" }, label(state.y) + " →"),
    el("svg:text", { class: "axis", x: WIDTH - RIGHT - 6, y: TOP + 14, "text-anchor": "end", "font-style": "italic" }, "better ↗"));
}

function mark(point, x, y) {
  const isBase = point.row.step === 0, share = point.row.step / Math.max(1, point.run.iterations);
  const node = el("svg:circle", { class: "mark", cx: x(point.x), cy: y(point.y), r: isBase ? 8 : 5 + 4 * Math.min(1, share), tabindex: 0, role: "img",
    style: `fill:${isBase ? "var(--base)" : color(point.run.recipe)}`,
    "aria-label": `${point.run.name} step ${point.row.step}: ${label(state.x)} ${number(point.x)}, ${label(state.y)} ${number(point.y)}`,
    onmouseleave: hideTip, onblur: hideTip });
  for (const event of ["mouseenter", "focus", "click"]) node.addEventListener(event, () => showTip(point, node));
  return node;
}

// Names in the right margin, moved apart, each led to its line's last checkpoint.
function endLabels(ends) {
  const step = innerWidth < 640 ? 26 : 20, placed = ends.map((end) => ({ ...end, at: end.y })).sort((a, b) => a.at - b.at);
  for (let i = 1; i < placed.length; ++i) placed[i].at = Math.max(placed[i].at, placed[i - 1].at + step);
  for (let i = placed.length - 1, floor = HEIGHT - BOTTOM; i >= 0; --i, floor -= step) placed[i].at = Math.min(placed[i].at, floor);
  const margin = WIDTH - RIGHT + 16;
  return placed.flatMap((end) => [el("svg:path", { d: `M${end.x + 11} ${end.y}L${margin - 4} ${end.at}`, fill: "none", style: `stroke:${color(end.method)};opacity:.5;stroke-dasharray:2 3` }),
    el("svg:text", { x: margin, y: end.at + 4, style: `fill:${color(end.method)};font-weight:600` }, end.method)]);
}

function frontierPlot() {
  measurePlot();
  const lines = data.runs.map((run) => ({ run, points: checkpoints(run) })).filter((line) => line.points.length);
  if (!lines.length) return el("p", {}, "No run has been evaluated with both measures yet.");
  const all = lines.flatMap((line) => line.points);
  const x = scale(all.map((point) => point.x), LEFT, WIDTH - RIGHT), y = scale(all.map((point) => point.y), HEIGHT - BOTTOM, TOP);
  const plot = el("svg:svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": `${label(state.y)} against ${label(state.x)}, one dot per checkpoint` });
  axes(plot, x, y);
  const path = (points) => points.map((point, i) => `${i ? "L" : "M"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join("");
  for (const { run, points } of lines) plot.append(
    el("svg:path", { d: path(points), fill: "none", style: `stroke:${color(run.recipe)};stroke-width:1.5;opacity:.35` }),
    el("svg:path", { d: path(attainable(points)), fill: "none", style: `stroke:${color(run.recipe)};stroke-width:3;opacity:.85` }));
  for (const point of all) plot.append(mark(point, x, y));
  const ends = methods().map((method) => lines.find((line) => line.run.recipe === method)).filter(Boolean)
    .map((line) => ({ method: line.run.recipe, x: x(line.points.at(-1).x), y: y(line.points.at(-1).y) }));
  plot.append(...endLabels(ends));
  return plot;
}

function frontier() {
  const keys = measured().filter((key) => NAMES[key]);
  if (!keys.includes(state.x)) state.x = keys[0] || "reward";
  if (!keys.includes(state.y)) state.y = VARIETY.find(isMeasure) || keys[1] || "judge";
  const box = el("div", { class: "card" });
  const redraw = () => {
    remember();
    box.replaceChildren(el("div", { class: "bar" },
      choice("Across", keys.map((key) => [key, label(key)]), state.x, (key) => { state.x = key; redraw(); }),
      choice("Up", keys.map((key) => [key, label(key)]), state.y, (key) => { state.y = key; redraw(); })), frontierPlot());
  };
  redraw();
  return section("tradeoff", "The trade-off", "Each dot is a checkpoint, larger as training goes on; each run starts at the base (gray). To the right the pictures are better, "
    + "upwards they are more varied. A method that falls pays for its reward with variety. The thick line joins a run’s checkpoints that no other of it beats in both. Point at a dot, or tap it, to see its pictures.", box);
}
