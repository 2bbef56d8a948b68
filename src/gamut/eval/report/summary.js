// SPDX-License-Identifier: Apache-2.0
// The headline sentence, who keeps how much at equal reward, who lost what by the end, and the warnings.
const compared = (method, measure) => data.comparisons.find((found) => found.method === method && found.measure === measure);
const matched = (method, measure) => { const found = compared(method, measure); return found && found.diversity.change ? found : null; };
const headlineMeasure = () => VARIETY.find((key) => isMeasure(key) && data.comparisons.some((found) => found.measure === key && found.diversity.change));

// How the baseline and the method with most variety at equal reward ended.
function headline() {
  const key = headlineMeasure();
  if (!key) return plainHeadline();
  return ["By the end ", strong(data.baseline), ` has ${ended(data.baseline, key)}; `, strong(leader(key)), ` has ${ended(leader(key), key)}.`];
}
const leader = (key) => best(key).find((method) => method !== data.baseline);
function ended(method, key) {
  const judged = ["judge_exact", "judge"].find((name) => isMeasure(name) && lastValues(method, name).length);
  const judge = judged ? ` (judge ${number(mean(lastValues(method, judged)), 2)})` : "";
  return `reward ${number(mean(lastValues(method, "reward")), 2)}${judge} and ${percent(mean(lastValues(method, key)) / baseValue(key))} of the base model’s variety`;
}

// The same two at equal reward, and where the judge disagrees.
function equalReward(key) {
  const { diversity: { change, method, baseline } } = matched(leader(key), key), base = baseValue(key);
  return change.value <= 0 ? `At the same reward no method here keeps more variety than ${data.baseline} does: ${percent(baseline / base)}.`
    : `At the same reward ${leader(key)} keeps ${percent(method / base)} of the variety and ${data.baseline} ${percent(baseline / base)}.`;
}
function judgeFavors(key) {
  const judged = ["judge_exact", "judge"].find(isMeasure);
  if (!judged) return "";
  const mine = mean(lastValues(leader(key), judged)), other = mean(lastValues(data.baseline, judged));
  return mine < other - 0.005 ? ` The judge favors ${data.baseline} in the end: ${number(other, 2)} against ${number(mine, 2)}.` : "";
}
const strong = (text) => el("strong", {}, text);

function plainHeadline() {
  if (data.runs.every((run) => !lastRow(run))) return ["No run has been evaluated yet."];
  const key = VARIETY.find(isMeasure), run = data.runs.find(lastRow), last = lastRow(run);
  const rise = `training reward ${number(baseValue("reward"))} → ${number(last.values.reward)}`;
  if (!key || last.step === 0) return [strong(run.name), ` after ${last.step} iterations: ${rise}.`];
  return [strong(run.name), ` after ${last.step} iterations: ${rise}, `, strong(percent(last.values[key] / baseValue(key))), " of the base model’s variety left."];
}

function subline() {
  const key = headlineMeasure();
  if (data.reason) return "These runs cannot be compared, so every one is shown by itself: " + data.reason + ".";
  if (!key && data.comparisons.length) return `Nothing can be compared at equal reward yet: ${data.comparisons[0].diversity.reason}.`;
  if (!key) return methods().length > 1 ? "Nothing can be compared yet: a method has no evaluation." : "One method; a run of a second one would be compared with it.";
  const { range: [low, high], change } = matched(leader(key), key).diversity;
  const doubt = change.low === null ? " This is one seed: there is no telling how much of it is chance." : isOpen(change) ? " With so few seeds the interval still includes no difference." : "";
  return `${equalReward(key)}${doubt}${judgeFavors(key)} Variety is “${label(key).toLowerCase()}”: ${about(key)}; equal rewards are those that both methods reach (${number(low)} to ${number(high)}). ${ends(key)}`;
}

// Who gained most and who lost most by the end, in one sentence each.
function ends(key) {
  const at = methods().map((method) => ({ method, gain: mean(lastValues(method, "reward")) - baseValue("reward"), left: mean(lastValues(method, key)) / baseValue(key) })).filter((one) => Number.isFinite(one.gain + one.left));
  if (at.length < 3) return "";  // of two the headline says it
  const loser = at.reduce((a, b) => (b.left < a.left ? b : a)), winner = at.reduce((a, b) => (b.gain > a.gain ? b : a));
  const lost = loser.left < 0.85 ? `By the end ${loser.method} has lost the most variety: ${percent(loser.left)} is left, for a reward of +${number(loser.gain, 2)}.` : "By the end no method has lost much variety.";
  return lost + (winner.method === loser.method ? " No other gained more reward." : ` The largest gain in reward is ${winner.method}’s, +${number(winner.gain, 2)}, with ${percent(winner.left)} of the variety left.`);
}

// Keys inside a computed sentence become the names that the page uses.
const inWords = (text) => text.replace(/\b(vendi|[a-z]+_[a-z]+)\b/g, (key) => (NAMES[key] ? label(key).toLowerCase() : key));

function meter(share, method, other) {
  const width = (value) => Math.max(0, Math.min(1, value)) * 100;
  return el("div", { class: "meter" }, el("i", { style: `width:${width(share)}%;background:${color(method)}` }),
    Number.isFinite(other) ? el("b", { style: `left:${Math.max(1, width(other))}%` }) : null);
}

// A relative change as a factor; an interval of few seeds may reach below nothing.
const times = (change) => "×" + number(Math.max(0, 1 + change), 2);
const isOpen = (change) => change.low === null || (change.low < 0 && change.high > 0);

function matchedCell(method, key) {
  const found = compared(method, key), base = baseValue(key);
  if (!found) return el("td", {}, "–");
  const { change, method: mine, baseline, reason } = found.diversity;
  if (!change) return el("td", {}, el("small", {}, reason || "no common range of rewards"));
  const interval = change.low === null ? "one seed: no interval" : `95 % interval ${times(change.low)} to ${times(change.high)}`;
  const tone = isOpen(change) ? "" : change.value >= 0 ? "good" : "bad";
  return el("td", {}, el("span", { class: "big" }, percent(mine / base)), meter(mine / base, method, baseline / base),
    el("small", {}, `${data.baseline}: ${percent(baseline / base)} · `, el("b", { class: tone }, times(change.value)), el("br"), interval, change.low !== null && isOpen(change) ? ": undecided" : ""));
}

function matchedTable() {
  const keys = VARIETY.filter((key) => isMeasure(key) && data.comparisons.some((found) => found.measure === key)).slice(0, 4);
  if (!headlineMeasure()) return null;
  const others = best(keys[0]).filter((method) => method !== data.baseline);
  return el("div", { class: "card" }, el("h3", {}, "Variety kept at the same reward, as a share of the base model’s"),
    el("p", { class: "small" }, `Bar: the method; tick: ${data.baseline} at the same reward.`),
    el("div", { class: "scroll" }, el("table", { id: "matched" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Method"), keys.map((key) => el("th", { scope: "col" }, label(key), el("small", {}, about(key)))))),
      el("tbody", {}, others.map((method) => el("tr", {}, el("th", { scope: "row" }, nameTag(method), el("br"), el("small", {}, seedsText(method))), keys.map((key) => matchedCell(method, key))))))));
}
// Methods by the share of variety that they keep at equal reward, the best first; the baseline counts as itself.
const best = (key) => methods().sort((a, b) => advantageOf(b, key) - advantageOf(a, key));
const advantageOf = (method, key) => { const found = matched(method, key); return found ? found.diversity.change.value : method === data.baseline ? 0 : -1; };
const seedsText = (method) => { const seeds = runsOf(method).map((run) => run.seed); return (seeds.length > 1 ? "seeds " : "seed ") + seeds.join(", "); };

function endCell(method, key, isVariety) {
  const values = lastValues(method, key), base = baseValue(key), value = mean(values);
  if (!values.length) return el("td", { class: "num" }, "–");
  const range = values.length > 1 ? `${number(Math.min(...values))}–${number(Math.max(...values))}` : "";
  const share = value / base, judged = direction(key) !== "";
  const tone = !judged ? "" : isVariety ? (share < 0.5 ? "bad" : share > 0.85 ? "good" : "") : value < base - 1e-9 ? "bad" : "good";
  return el("td", { class: "num", "data-key": key }, el("span", {}, number(value)), el("br"),
    el("b", { class: tone }, isVariety ? percent(share) : (value >= base ? "+" : "−") + number(Math.abs(value - base), 2)), range ? el("small", { class: "range" }, el("br"), range) : null);
}

function endTable() {
  const quality = ["reward", "judge", "judge_exact"].filter(isMeasure), variety = [...VARIETY.filter(isMeasure).slice(0, 4), ...["recall", "pvs", "prediction_norm", ...HELDOUT.slice(0, -1).map((name) => "heldout." + name)].filter(isMeasure)];
  if (!quality.length) return null;
  const keys = [...quality, ...variety];
  return el("div", { class: "card" }, el("h3", {}, "By the end of training: who gained and who lost what"),
    el("p", { class: "small" }, "Quality as change from the base, variety and obedience as share of the base’s; means over seeds, with smallest and largest."),
    el("div", { class: "scroll" }, el("table", { id: "ends" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Method"), keys.map((key) => el("th", { scope: "col", class: "num", title: about(key) }, label(key))))),
      el("tbody", {}, el("tr", {}, el("th", { scope: "row" }, nameTag("base")), keys.map((key) => el("td", { class: "num" }, number(baseValue(key))))),
        best(variety[0]).map((method) => el("tr", {}, el("th", { scope: "row" }, nameTag(method), el("br"), el("small", {}, spent(method))), keys.map((key) => endCell(method, key, variety.includes(key)))))))));
}
function spent(method) {
  const runs = runsOf(method), seconds = known(runs.map((run) => run.curves.seconds.at(-1)));
  return `${unique(runs.map((run) => run.steps_done)).join(", ")} steps` + (seconds.length ? `, ${minutes(mean(seconds))}` : "");
}

const RULES = {
  "ratio-off-1": "Off-policy", collapse: "Variety collapsed", hacking: "Reward hacked", "zero-variance-groups": "Groups without signal",
  "still-rising": "Not converged", "subset-fell-back": "Subset rule refused", unfinished: "Unfinished", "skipped-updates": "Skipped updates", "reward-failures": "Reward failed",
};
const sentence = (warning) => el("p", {}, el("b", {}, warning.run + ": "), inWords(warning.text));

function warnings() {
  const box = el("div", {});
  for (const rule of unique(data.warnings.map((warning) => warning.rule))) {
    const mine = data.warnings.filter((warning) => warning.rule === rule);
    box.append(el("div", { class: "warning" }, el("strong", {}, RULES[rule] || rule), " ", el("small", {}, `(rule “${rule}” in docs/report.md)`),
      mine.slice(0, 3).map(sentence), mine.length > 3 ? el("details", {}, el("summary", {}, `${mine.length - 3} more runs`), mine.slice(3).map(sentence)) : null));
  }
  if (!data.warnings.length) box.append(el("p", { class: "card" }, "None. The ratio stayed 1, no measure of variety fell below half, the judge did not fall while the reward rose, and groups carried signal."));
  return section("warnings", "Warnings", "Computed from the numbers, not written by anyone: what to know before believing a result.", box);
}

function summary() {
  return el("section", { id: "summary" }, el("h1", { id: "headline" }, headline()), el("p", { class: "lead" }, subline()), endTable(), matchedTable());
}
