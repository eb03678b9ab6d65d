// The page: a list of images, the image, and a panel that says what to do next.

import { get, query, send } from "./api.js";
import { correctPanel } from "./correct.js";
import { countPanel } from "./count.js";
import { learnPanel, runsPanel } from "./learn.js";
import { shortNames } from "./names.js";
import { trustPanel } from "./trust.js";
import { Viewer } from "./viewer.js";

const one = (selector) => document.querySelector(selector);
const PANELS = { count: countPanel, correct: correctPanel, learn: learnPanel, trust: trustPanel, runs: runsPanel };

export const page = {
  folder: 0, folders: [], images: [], image: -1, tab: "count", choice: {}, panel: null, jobs: [],
  address: (rest) => `/api/${page.folder}/${rest}`,
};
export const viewer = new Viewer(one("#canvas"), showPlace);

export function say(text) { one("#saved").textContent = text; }

export function fail(error) {
  const place = one("#problem");
  place.textContent = error.message || String(error);
  place.hidden = false;
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// Text only: names of files may hold anything.
export function showList() {
  const short = shortNames(page.images.map((image) => image.name));
  const rows = page.images.map((image, index) => {
    const counted = image.counted;
    const name = element("td", { className: "name", title: image.name }, short[index]);
    let cells = counted ? (counted.count === "" ? "–" : Math.round(Number(counted.count))) : "";
    if (image.marks) cells = `${image.marks.cells}`;
    const interval = counted && counted.lower !== "" ? `${counted.lower} – ${counted.upper}` : "";
    const state = element("td");
    if (counted?.error) state.append(element("span", { className: "bad", title: counted.error }, "✕"));
    else if (image.marks?.finished) state.append(element("span", { className: "done", title: "finished by hand" }, "✓"));
    else if (image.marks) state.append(element("span", { title: "begun" }, "✎"));
    else if (counted?.flag) state.append(element("span", { className: "flag", title: counted.flag }, "⚑"));
    const row = element("tr", { onclick: () => select(index) },
      name, element("td", { className: "number" }, String(cells)), element("td", { className: "number" }, interval), state);
    row.setAttribute("aria-selected", String(index === page.image));
    return row;
  });
  one("#images").replaceChildren(...rows);
}

export async function reloadList() {
  page.images = await get(page.address("images"));
  showList();
}

export async function select(index) {
  if (index < 0 || index >= page.images.length) return;
  page.image = index;
  one("#problem").hidden = true;
  showList();
  document.querySelectorAll("#images tr")[index]?.scrollIntoView({ block: "nearest" });
  const choice = query(page.choice);
  const facts = await get(page.address(`image/${index}?${choice}`));
  if (index !== page.image) return;
  one("#channelchoice").hidden = facts.channels < 2;
  if (facts.channels > 1) {
    const options = Array.from({ length: facts.channels }, (_, k) => element("option", { value: String(k) }, String(k)));
    one("#channel").replaceChildren(element("option", { value: "" }, "choose"), ...options);
    one("#channel").value = page.choice.channel ?? "";
  }
  one("#planechoice").hidden = !(page.choice.z || /focal plane|--z/.test(facts.error || ""));
  if (facts.error) { viewer.close(); fail(new Error(facts.error)); return; }
  viewer.points = [];
  viewer.open(facts, page.address(`tile/${index}`), page.choice);
  const diameter = Number(page.images[index].counted?.diameter_px);
  viewer.radius = diameter > 0 ? diameter / 2 : 7;
  showTone();
  await page.panel?.shown?.(index);
}

function showTone() {
  const { low, high, gamma } = viewer.tone, largest = viewer.facts.largest;
  // The sliders go with the square root, as cells take up the dark end of the range.
  one("#low").value = 1000 * Math.sqrt(low / largest);
  one("#high").value = 1000 * Math.sqrt(high / largest);
  one("#gamma").value = -100 * Math.log2(gamma) / 2;
}

function changeTone() {
  if (!viewer.facts) return;
  const level = (id) => (Number(one(id).value) / 1000) ** 2 * viewer.facts.largest;
  viewer.setTone({ low: level("#low"), high: Math.max(level("#high"), level("#low") + 1), gamma: 2 ** (-2 * Number(one("#gamma").value) / 100) });
}

function showPlace() {
  if (!viewer.facts || !viewer.pointer) { one("#where").textContent = ""; return; }
  const [row, column] = viewer.placeOf(...viewer.pointer);
  one("#where").textContent = `x ${Math.round(column)}, y ${Math.round(row)} · ${Math.round(viewer.view.scale * 100)} %`;
}

export async function open(tab) {
  page.panel?.left?.();
  page.tab = tab;
  viewer.editing = false;
  viewer.onEdit = null;
  for (const button of document.querySelectorAll("[role=tab]"))
    button.setAttribute("aria-selected", String(button.dataset.tab === tab));
  const content = one(`#panel-${tab}`).content.cloneNode(true);
  one("#panel").replaceChildren(content);
  page.panel = PANELS[tab]({ root: one("#panel"), find: (id) => one(`#panel ${id}`) });
  if (page.image >= 0 && viewer.facts) await page.panel.shown?.(page.image);
}

export async function refreshJobs() {
  const jobs = await get(page.address("jobs"));
  const ended = jobs.filter((job) => job.state === "done" && page.jobs.some((old) => old.id === job.id && old.state !== "done"));
  page.jobs = jobs;
  page.panel?.jobs?.(jobs);
  if (ended.length) {
    await reloadList();
    if (page.image >= 0) await page.panel?.shown?.(page.image);
  }
}

// A job as a person sees it: how far, how long, and the command that does the same.
export function jobBox(job) {
  const words = { waiting: "waits for another job", running: "at work", done: "done", failed: "failed", stopped: "stopped" };
  const box = element("div", { className: "job" }, element("p", {}, element("strong", {}, job.title), ` – ${words[job.state]}`));
  if (job.state === "running") {
    const bar = element("progress");
    if (job.total) { bar.max = job.total; bar.value = job.done; }
    box.append(bar);
  }
  if (job.messages.length) box.append(element("pre", {}, job.messages.slice(job.state === "failed" ? -8 : -2).join("\n")));
  if (job.state === "running" || job.state === "waiting")
    box.append(element("button", { onclick: () => send(page.address(`jobs/${job.id}/stop`), {}).then(refreshJobs, fail) }, "Stop"));
  box.append(element("details", {}, element("summary", {}, "the same on the command line"), element("code", {}, job.command)));
  return box;
}

export function begin(kind, options) {
  one("#problem").hidden = true;
  return send(page.address("jobs"), { kind, options }).then(refreshJobs, fail);
}

async function openFolder(number) {
  page.folder = number;
  page.image = -1;
  page.choice = {};
  page.jobs = [];
  viewer.close();
  await reloadList();
  await open("count");
  await refreshJobs();
  await select(0);
}

async function main() {
  for (const button of document.querySelectorAll("[role=tab]"))
    button.onclick = () => open(button.dataset.tab).catch(fail);
  one("#fit").onclick = () => viewer.facts && viewer.fit();
  for (const id of ["#low", "#high", "#gamma"]) one(id).oninput = changeTone;
  one("#rings").onchange = () => { viewer.showPoints = one("#rings").checked; viewer.draw(); };
  one("#channel").onchange = () => { page.choice.channel = one("#channel").value; select(page.image).catch(fail); };
  one("#plane").onchange = () => { page.choice.z = one("#plane").value.trim(); select(page.image).catch(fail); };
  one("#folder").onchange = () => openFolder(Number(one("#folder").value)).catch(fail);
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input:not([type=checkbox]):not([type=range]), select, textarea")) return;
    if (event.key === "0" && viewer.facts) viewer.fit();
    else if (event.key === "ArrowRight") select(page.image + 1).catch(fail);
    else if (event.key === "ArrowLeft") select(page.image - 1).catch(fail);
    else if (page.panel?.key?.(event)) { /* done */ } else return;
    event.preventDefault();
  });
  page.folders = await get("/api/folders");
  one("#folder").replaceChildren(...page.folders.map((folder, index) =>
    element("option", { value: String(index), title: folder.place }, `${folder.name} (${folder.images})`)));
  await openFolder(0);
  const tick = () => refreshJobs().catch(() => say("no answer from the server")).finally(() => setTimeout(tick, 1000));
  setTimeout(tick, 1000);
}

main().catch(fail);
