// SPDX-License-Identifier: Apache-2.0
// Any metric over steps or training time: one line per method, its seeds as a band; drag to zoom.
let chart = null;

const trainingKeys = () => unique(data.runs.flatMap((run) => Object.keys(run.curves.values))).sort();

// The points {x, y} of one run; "eval:color_spread" or "reward_mean".
function points(run, metric, axis) {
  if (metric.startsWith("eval:")) {
    const key = metric.slice(5);
    return shownRows(run).map((row) => ({ x: axis === "time" ? row.seconds / 60 : row.step, y: row.values[key] })).filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
  }
  const values = run.curves.values[metric];
  if (values === undefined) return [];
  return run.curves.steps.map((step, i) => ({ x: axis === "time" ? run.curves.seconds[i] / 60 : step, y: Array.isArray(values) ? values[i] : values })).filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y));
}

// Linear between a run's own points, nothing outside them.
function between(list, x) {
  if (!list.length || x < list[0].x || x > list.at(-1).x) return NaN;
  let low = 0, high = list.length - 1;
  while (high - low > 1) { const middle = (low + high) >> 1; if (list[middle].x <= x) low = middle; else high = middle; }
  if (list[low].x === x || low === high) return list[low].y;
  const share = (x - list[low].x) / (list[high].x - list[low].x);
  return list[low].y + share * (list[high].y - list[low].y);
}

// uPlot's columns: x, then mean, smallest, largest of each method.
function columns(shown, metric, axis) {
  const lists = shown.map((method) => runsOf(method).map((run) => points(run, metric, axis)).filter((list) => list.length));
  const every = unique(lists.flat(2).map((point) => point.x)).sort((a, b) => a - b);
  const grid = every.length <= 1200 ? every : Array.from({ length: 1200 }, (_, i) => every[Math.round(i * (every.length - 1) / 1199)]);
  const out = [grid];
  for (const runs of lists) {
    const at = grid.map((x) => known(runs.map((list) => between(list, x))));
    out.push(at.map((values) => (values.length ? mean(values) : null)), at.map((values) => (values.length ? Math.min(...values) : null)), at.map((values) => (values.length ? Math.max(...values) : null)));
  }
  return out;
}

function faded(css) {
  const context = el("canvas", {}).getContext("2d");
  context.fillStyle = css;
  const hex = context.fillStyle;
  return /^#[0-9a-f]{6}$/.test(hex) ? hex + "38" : hex;
}

function curveOptions(shown, metric, box, readout, isSparse) {
  const axisStyle = { stroke: paint("var(--soft)"), grid: { stroke: paint("var(--line)"), width: 1 }, ticks: { stroke: paint("var(--line)"), width: 1 }, font: "13px system-ui, sans-serif" };
  const series = [{}], bands = [];
  shown.forEach((method, i) => {
    const stroke = paint(color(method)), invisible = { stroke: "transparent", width: 0, points: { show: false }, spanGaps: true };
    series.push({ label: method, stroke, width: 2.5, spanGaps: true, points: { show: isSparse, size: 7, fill: stroke } }, { ...invisible }, { ...invisible });
    if (runsOf(method).length > 1) bands.push({ series: [3 * i + 3, 3 * i + 2], fill: faded(stroke) });
  });
  const say = (plot) => {
    const at = plot.cursor.idx;
    readout.replaceChildren(at === null || at === undefined ? "Drag to zoom, double-click to see everything." : `${state.axis === "time" ? number(plot.data[0][at]) + " min" : "step " + plot.data[0][at]}: `,
      ...(at === null || at === undefined ? [] : shown.map((method, i) => el("span", { style: "margin-right:1em" }, nameTag(method), " " + number(plot.data[3 * i + 1][at])))));
  };
  return { width: Math.max(260, box.clientWidth), height: innerWidth < 640 ? 280 : 380, legend: { show: false }, series, bands,
    scales: { x: { time: false } }, cursor: { drag: { x: true, y: false }, focus: { prox: 30 } },
    axes: [{ ...axisStyle, label: state.axis === "time" ? "minutes of training" : "iteration", labelFont: "13px system-ui, sans-serif", labelSize: 22 }, { ...axisStyle, size: 62 }],
    hooks: { setCursor: [say] } };
}

function drawChart(box, readout) {
  if (chart) chart.destroy();
  chart = null;
  box.replaceChildren();
  const shown = methods().filter((method) => !state.hidden.includes(method));
  const table = columns(shown, state.metric, state.axis);
  if (!table[0].length) { box.append(el("p", {}, "No run has this metric yet.")); return; }
  chart = new uPlot(curveOptions(shown, state.metric, box, readout, table[0].length < 60), table, box);
  readout.textContent = "Drag to zoom, double-click to see everything.";
  box.setAttribute("aria-label", `${label(state.metric.replace("eval:", ""))} of ${shown.join(", ")}`);
}

function curves() {
  const evaluated = measured().filter((key) => NAMES[key]).map((key) => ["eval:" + key, "evaluation: " + label(key).toLowerCase()]);
  const trained = trainingKeys().map((key) => [key, "training: " + label(key).toLowerCase()]);
  const options = [...evaluated, ...trained];
  if (!options.length) return section("curves", "Curves", "No run has written a metric yet.");
  if (!options.some(([key]) => key === state.metric)) state.metric = (options.find(([key]) => key === "eval:" + (VARIETY.find(isMeasure) || "reward")) || options[0])[0];
  const box = el("div", { role: "img" }), readout = el("p", { class: "readout", "aria-live": "off" }), note = el("small", {});
  const redraw = () => { remember(); note.textContent = about(state.metric.replace("eval:", "")); drawChart(box, readout); };
  const legend = el("div", { class: "legend", role: "group", "aria-label": "Methods shown" }, methods().map((method) => {
    const button = el("button", { type: "button", "aria-pressed": String(!state.hidden.includes(method)), onclick: () => {
      state.hidden = state.hidden.includes(method) ? state.hidden.filter((other) => other !== method) : [...state.hidden, method];
      button.setAttribute("aria-pressed", String(!state.hidden.includes(method)));
      redraw();
    } }, nameTag(method));
    return button;
  }));
  later.push(redraw);
  return section("curves", "Curves", "How a number moves while a method trains. The line is the mean over seeds, the band reaches from the smallest to the largest seed.",
    el("div", { class: "card" }, el("div", { class: "bar" }, choice("Show", options, state.metric, (key) => { state.metric = key; redraw(); }),
      choice("over", [["step", "iterations"], ["time", "training time"]], state.axis, (axis) => { state.axis = axis; redraw(); }),
      el("button", { type: "button", onclick: redraw }, "Reset zoom")), legend, note, box, readout));
}
