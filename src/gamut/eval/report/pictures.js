// SPDX-License-Identifier: Apache-2.0
// The same prompts and the same noise under every method, through training.
// A slider over steps; `draw` gets the step.
function stepSlider(key, steps, draw) {
  const at = (step) => Math.max(0, steps.indexOf(steps.reduce((a, b) => (Math.abs(b - step) < Math.abs(a - step) ? b : a), steps[0])));
  if (state[key] === null || !steps.length) state[key] = steps.at(-1);
  const out = el("output", { class: "name" });
  const slider = el("input", { type: "range", min: 0, max: Math.max(0, steps.length - 1), value: at(state[key]), "aria-label": "Checkpoint", "data-slider": key, oninput: () => show() });
  let timer = null;
  const show = () => { state[key] = steps[Number(slider.value)]; out.textContent = "step " + state[key]; slider.setAttribute("aria-valuetext", out.textContent); remember(); draw(state[key]); };
  const play = el("button", { type: "button", onclick: () => {
    if (timer) { clearInterval(timer); timer = null; play.textContent = "▶ Play"; return; }
    play.textContent = "❚❚ Stop";
    timer = setInterval(() => {
      if (!play.isConnected) { clearInterval(timer); return; }
      slider.value = (Number(slider.value) + 1) % steps.length; show();
    }, 900);
  } }, "▶ Play");
  later.push(show);
  return el("div", { class: "bar" }, el("label", {}, "Checkpoint", slider), out, play);
}

// The first run of a method that has pictures.
const pictured = (method) => runsOf(method).find((run) => run.sheets.length);
const baseSheet = () => { const run = data.runs.find((other) => other.sheets.some((sheet) => sheet.step === 0)); return run && run.sheets.find((sheet) => sheet.step === 0); };

function strip(sheet, prompt, name, step) {
  if (!sheet) return null;
  const perRow = sheet.columns <= 4 ? sheet.columns : Math.ceil(sheet.columns / 2);
  return el("figure", {}, tiles(sheet, prompt * sheet.columns, sheet.columns, perRow, `${name}, ${data.sheet_prompts[prompt] || "prompt " + (prompt + 1)}`),
    el("figcaption", {}, nameTag(name), el("small", {}, step === undefined ? "" : " step " + step)));
}

function pictures() {
  const shown = methods().filter(pictured), steps = unique(data.runs.flatMap((run) => run.sheets.map((sheet) => sheet.step))).sort((a, b) => a - b);
  if (!shown.length) return section("pictures", "The same prompts, side by side", "No pictures have been kept yet.");
  const box = el("div", {});
  const draw = (step) => box.replaceChildren(...(data.sheet_prompts.length ? data.sheet_prompts : [""]).map((prompt, i) => el("div", { class: "prompt" }, el("h3", {}, prompt ? `“${prompt}”` : "Prompt"),
    el("div", { class: "columns" }, strip(baseSheet(), i, "base"), shown.map((method) => { const sheet = sheetAt(pictured(method), step); return strip(sheet, i, method, sheet.step); })))));
  return section("pictures", "The same prompts, side by side", "Every block starts from the same noise. Move the slider through training: a method that loses variety turns a block’s pictures into one. "
    + "The leftmost block is the base model and never changes.", el("div", { class: "card" }, stepSlider("pictures", steps, draw), box));
}
