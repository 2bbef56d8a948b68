// SPDX-License-Identifier: Apache-2.0
// Where in color space a method's pictures live: hue across, lightness up, each dot in its own color.
// OKLab of an sRGB color (Björn Ottosson 2020): lightness 0 … 1, hue in degrees, chroma.
function oklch(hex) {
  const linear = [0, 2, 4].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const [r, g, b] = linear;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b), m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b),
    s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const a = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s, bb = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  return { lightness: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, hue: ((Math.atan2(bb, a) * 180) / Math.PI + 360) % 360, chroma: Math.hypot(a, bb) };
}
const GRAY = 0.035;  // below this chroma a color has no hue to speak of

// Ink and ground of every picture: "rrggbbrrggbb…".
const pairs = (colors) => (colors.match(/.{12}/g) || []).map((pair) => ({ ink: pair.slice(0, 6), ground: pair.slice(6) }));

function plotColors(colors, text) {
  const size = 260, grayWidth = 34, scaleUp = 2;
  const canvas = el("canvas", { width: size * scaleUp, height: size * scaleUp, role: "img", "aria-label": text, style: "image-rendering:auto;width:100%;border:1px solid var(--line)" });
  const context = canvas.getContext("2d");
  context.scale(scaleUp, scaleUp);
  context.fillStyle = paint("var(--card)");
  context.fillRect(0, 0, size, size);
  context.strokeStyle = paint("var(--line)");
  context.strokeRect(grayWidth, -1, size, size + 2);
  pairs(colors).forEach((pair, i) => {
    const hex = state.ink ? pair.ink : pair.ground, found = oklch(hex), isGray = found.chroma < GRAY;
    // Grays side by side in their own column, spread by their number.
    const x = isGray ? 6 + ((i * 7) % (grayWidth - 12)) : grayWidth + 8 + (found.hue / 360) * (size - grayWidth - 16), y = 8 + (1 - found.lightness) * (size - 16);
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fillStyle = "#" + hex;
    context.fill();
    context.lineWidth = 1;
    context.strokeStyle = paint("var(--soft)");
    context.stroke();
  });
  return canvas;
}

function palettePanel(name, colors, note) {
  return el("figure", {}, plotColors(colors, `colors of ${name}`), el("figcaption", {}, name === "data" ? el("span", { class: "name" }, "real data") : nameTag(name), el("small", {}, note ? " " + note : "")));
}

function paletteNote(run, step) {
  const row = shownRows(run).find((other) => other.step === step);
  return `step ${step}` + (row && Number.isFinite(row.values.color_pairs) ? `, ${number(row.values.color_pairs, 2)} combinations` : "");
}

function palette() {
  const shown = methods().filter((method) => runsOf(method).some((run) => run.palettes.length));
  const steps = unique(data.runs.flatMap((run) => run.palettes.map((other) => other.step))).sort((a, b) => a - b);
  if (!shown.length) return section("palette", "Palette", "No pictures have been kept yet.");
  const runs = shown.map((method) => runsOf(method).find((run) => run.palettes.length)), box = el("div", { class: "columns" });
  const first = runs.find((run) => run.palettes[0].step === 0);
  const draw = (step) => box.replaceChildren(...[data.data_palette ? palettePanel("data", data.data_palette, "what the model could draw") : null,
    first ? palettePanel("base", first.palettes[0].colors, paletteNote(first, 0)) : null,
    ...runs.map((run) => { const found = run.palettes.reduce((a, b) => (Math.abs(b.step - step) < Math.abs(a.step - step) ? b : a)); return palettePanel(run.recipe, found.colors, paletteNote(run, found.step)); })].filter(Boolean));
  const toggle = el("button", { type: "button", "aria-pressed": String(state.ink), onclick: () => {
    state.ink = !state.ink; toggle.setAttribute("aria-pressed", String(state.ink)); toggle.textContent = state.ink ? "Color of the ink" : "Color of the ground"; draw(state.palette); } }, state.ink ? "Color of the ink" : "Color of the ground");
  return section("palette", "Palette", "One dot per picture, in the color that the picture has: hue from left to right, dark below, light above, grays in the left column. "
    + "A method that keeps variety fills the same space as the base and the data; one that collapses leaves a few crowded spots.",
  el("div", { class: "card" }, stepSlider("palette", steps, draw), el("div", { class: "bar" }, toggle), box));
}
