// SPDX-License-Identifier: Apache-2.0
// What was run: recipe keys with the differences marked, seeds, commands, build and machine.
const IGNORED = ["seed"];

function settingTable() {
  const firsts = methods().map((method) => runsOf(method)[0]);
  const keys = unique(firsts.flatMap((run) => run.settings.map(([key]) => key)));
  const value = (run, key) => run.settings.find(([name]) => name === key);
  const differs = (key) => !IGNORED.includes(key) && unique(firsts.map((run) => (value(run, key) || ["", ""])[1])).length > 1;
  const shown = keys.filter((key) => state.all || differs(key));
  if (!shown.length) return el("p", {}, firsts.length > 1 ? "The recipes have the same values." : "One recipe: show all of its keys.");
  return el("div", { class: "scroll" }, el("table", { id: "settings" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Key"), firsts.map((run) => el("th", { scope: "col" }, nameTag(run.recipe))))),
    el("tbody", {}, shown.map((key) => el("tr", {}, el("th", { scope: "row" }, el("code", {}, key)), firsts.map((run) => {
      const found = value(run, key);
      return el("td", { title: found ? "from " + found[2] : "" }, found ? (differs(key) ? el("mark", {}, el("code", {}, found[1])) : el("code", {}, found[1])) : "–");
    }))))));
}

function settingsCard() {
  const box = el("div", {});
  const toggle = el("button", { type: "button", "aria-pressed": String(state.all), onclick: () => { state.all = !state.all; redraw(); } });
  const redraw = () => { remember(); toggle.textContent = state.all ? "Show differences only" : "Show every key"; toggle.setAttribute("aria-pressed", String(state.all)); box.replaceChildren(settingTable()); };
  redraw();
  return el("div", { class: "card" }, el("h3", {}, "Recipes"), el("div", { class: "bar" }, toggle), box);
}

function runDetails(run) {
  const status = run.finished ? "finished" : `${run.steps_done} of ${run.iterations} iterations`;
  return el("details", { open: data.runs.length <= 3 }, el("summary", {}, el("span", { class: "dot", style: `background:${color(run.recipe)}` }), `${run.name}: seed ${run.seed}, ${status}`),
    run.command ? [el("p", { class: "small" }, "The command of this run:"), el("pre", {}, run.command.trim())] : null,
    run.build ? [el("p", { class: "small" }, "Build and machine:"), el("pre", {}, run.build.trim())] : null);
}

function details() {
  return section("details", "What was run", "Values that differ between the recipes are marked; everything else is equal, so that a difference in results comes from what is marked or from chance.",
    settingsCard(), el("div", { class: "card" }, el("h3", {}, "Runs"), data.runs.map(runDetails)));
}
