// SPDX-License-Identifier: Apache-2.0
// Puts the views on the page, keeps them fresh while runs go on, and tests itself at #selftest.
let later = [];  // what needs its element on the page first
const VIEWS = [["summary", "Summary", summary], ["warnings", "Warnings", warnings], ["tradeoff", "Trade-off", frontier], ["pictures", "Pictures", pictures],
  ["palette", "Palette", palette], ["curves", "Curves", curves], ["groups", "Groups", groups], ["details", "Details", details]];

function render() {
  later = [];
  hideTip();
  document.getElementById("main").replaceChildren(...VIEWS.map(([, , make]) => make()));
  for (const task of later) task();
  document.getElementById("nav").replaceChildren(...VIEWS.map(([id, name]) => el("a", { href: "#" + id }, name === "Warnings" && data.warnings.length ? `${name} ${data.warnings.length}` : name)));
  document.title = "gamut: " + methods().join(", ");
  const status = document.getElementById("status"), goesOn = data.live || data.refresh_seconds > 0;
  status.className = goesOn ? "status live" : "status";
  status.textContent = goesOn ? "live · step " + Math.max(...data.runs.map((run) => run.steps_done)) : "";
}

// Served by `gamut train --serve`: new numbers every few seconds, the reader's choices kept.
let latest = "";
async function poll() {
  try {
    const text = await (await fetch("data.json", { cache: "no-store" })).text();
    if (text !== latest) { latest = text; data = JSON.parse(text); render(); }
    setTimeout(poll, 5000);
  } catch (error) {
    const status = document.getElementById("status");
    status.className = "status";
    status.textContent = "the run has ended; this is its last state";
  }
}

// Opens every view, moves what moves; the outcome stands in #selftest-result for whoever runs the browser.
async function selftest() {
  const failed = [], check = (what, holds) => { if (!holds) failed.push(what); };
  const waitFor = (ms) => new Promise((done) => setTimeout(done, ms));
  for (const [id] of VIEWS) check("view " + id, document.getElementById(id) && document.getElementById(id).textContent.trim().length > 10);
  for (const slider of document.querySelectorAll("input[type=range]")) {
    const steps = new Set();
    for (let i = 0; i <= Number(slider.max); ++i) { slider.value = i; slider.dispatchEvent(new Event("input")); steps.add(slider.getAttribute("aria-valuetext")); }
    check("slider " + slider.dataset.slider, steps.size === Number(slider.max) + 1);
  }
  const count = { select: 0, button: 0 };
  // A choice may build its view anew, so the list is taken again each time.
  for (let s = 0; s < document.querySelectorAll("select").length; ++s)
    for (let i = 0; i < document.querySelectorAll("select")[s].options.length; ++i) {
      const select = document.querySelectorAll("select")[s];
      select.selectedIndex = i; select.dispatchEvent(new Event("change")); ++count.select;
    }
  for (const button of document.querySelectorAll("main button")) { button.click(); button.click(); ++count.button; }
  const marks = document.querySelectorAll(".mark");
  for (const one of marks) one.dispatchEvent(new Event("mouseenter"));
  check("tooltip", !marks.length || !document.getElementById("tip").hidden);
  hideTip();
  await Promise.all([...loaded.values()].map((one) => one.ready));
  await waitFor(50);
  check("pictures load", [...loaded.values()].every((one) => one.picture.naturalWidth > 0));
  check("no sideways scrolling", document.documentElement.scrollWidth <= innerWidth);
  check("prompts are text", window.hacked === undefined && !document.querySelector("main img"));
  check("no errors: " + errors.join("; "), errors.length === 0);
  const result = JSON.stringify({ ok: failed.length === 0, failed, marks: marks.length, pictures: loaded.size, choices: count.select, buttons: count.button, width: innerWidth, scroll: document.documentElement.scrollWidth });
  document.body.append(el("pre", { id: "selftest-result" }, result));
  if (parent !== window) parent.postMessage(result, "*");  // a frame as narrow as a phone
}

render();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; render(); } });
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
addEventListener("scroll", hideTip, { passive: true });
if (data.live) setTimeout(poll, 2000);
else if (data.refresh_seconds > 0) setTimeout(() => location.reload(), 1000 * data.refresh_seconds);
if (location.hash === "#selftest") selftest();
