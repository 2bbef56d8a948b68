// SPDX-License-Identifier: Apache-2.0
// One prompt's training group: what each member got, so that one sees what the method rewarded.
const has = (values) => values.some((value) => Number.isFinite(value) && value !== 0);

function push(value, largest) {
  const width = largest > 0 ? Math.min(50, (50 * Math.abs(value)) / largest) : 0;
  return el("div", { class: "push", "aria-hidden": "true" }, el("i", { style: `width:${width}%;${value >= 0 ? "left" : "right"}:50%;background:var(${value >= 0 ? "--good" : "--bad"})` }));
}

function member(group, i) {
  const kept = group.kept[i] === 1, fact = (name, value) => (Number.isFinite(value) ? [el("dt", {}, name), el("dd", {}, number(value))] : []);
  const cluster = group.cluster[i];
  return el("div", { class: kept ? "member" : "member out" },
    group.picture ? tiles(group, i, 1, 1, `member ${i + 1}`) : null,
    el("dl", {}, fact("reward", group.reward[i]), has(group.bonus) ? [fact("bonus", group.bonus[i]), fact("shaped", group.shaped[i])] : [], fact("distance", group.diversity[i]),
      kept ? [el("dt", {}, el("b", {}, "advantage")), el("dd", {}, el("b", { class: group.advantage[i] >= 0 ? "good" : "bad" }, (group.advantage[i] > 0 ? "+" : "") + group.advantage[i].toFixed(2)))] : []),
    kept ? push(group.advantage[i], Math.max(...known(group.advantage).map(Math.abs), 0)) : el("small", {}, "left out, does not train"),
    cluster >= 0 && has(group.bonus) ? el("span", { class: "chip", style: `background:hsl(${(cluster * 137.5) % 360} 55% 36%)` }, "cluster " + (cluster + 1)) : null);
}

function groupSentence(group) {
  const kept = group.kept.filter((one) => one === 1).length, parts = [`${group.kept.length} pictures of “${group.prompt}”, drawn in iteration ${group.step}.`];
  if (kept < group.kept.length) parts.push(`${kept} of them train.`);
  const sizes = unique(group.cluster.filter((one) => one >= 0)).length;
  if (has(group.bonus) && sizes > 1) parts.push(`They fall into ${sizes} clusters of alike pictures; members of small clusters get a larger bonus.`);
  parts.push("Green pushes the model towards a picture, red away from it.");
  return parts.join(" ");
}

function groups() {
  const runs = data.runs.filter((run) => run.groups.length);
  if (!runs.length) return section("groups", "Inside a group", "No training group was kept; the recipe key record.groups says how many are.");
  const box = el("div", {});
  let run = runs.find((other) => other.name === state.group.run) || runs.find((other) => other.groups.some((group) => has(group.bonus))) || runs[0];
  const redraw = () => {
    const at = Math.min(state.group.at ?? run.groups.length - 1, run.groups.length - 1), group = run.groups[at];
    state.group = { run: run.name, at };
    remember();
    const order = group.reward.map((_, i) => i);
    if (state.order === "advantage") order.sort((a, b) => group.kept[b] - group.kept[a] || group.advantage[b] - group.advantage[a]);
    box.replaceChildren(el("div", { class: "bar" },
      choice("Run", runs.map((other) => [other.name, other.name]), run.name, (name) => { run = runs.find((other) => other.name === name); redraw(); }),
      choice("Group", run.groups.map((other, i) => [String(i), `iteration ${other.step}: ${other.prompt}`]), String(at), (i) => { state.group.at = Number(i); redraw(); }),
      choice("Order", [["advantage", "most rewarded first"], ["member", "as drawn"]], state.order, (name) => { state.order = name; redraw(); })),
    el("p", {}, groupSentence(group)), el("div", { class: "members" }, order.map((i) => member(group, i))));
  };
  redraw();
  return section("groups", "Inside a group", "What the method saw and what it did with it: the pictures drawn for one prompt in one iteration, the reward of each, and the advantage, "
    + "which is the force that moves the model. Faded members were left out by the method’s choice of a subset.", el("div", { class: "card" }, box));
}
