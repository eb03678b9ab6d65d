// Count all images of the folder.

import { get, query } from "./api.js";
import { begin, element, fail, jobBox, page, viewer } from "./app.js";

const NOTES = {
  nuclei: "A network for fluorescent nuclei. Needs no settings; begin with it.",
  dog: "A classical detector of round spots. For cells that are no nuclei; set the diameter.",
  otsu_watershed: "Threshold and watershed. For well separated bright cells.",
};

export function countPanel({ find }) {
  const counters = () => [...new Set(["nuclei", "dog", "otsu_watershed",
    ...page.jobs.filter((job) => job.kind === "learn" && job.state === "done").map((job) => job.result.split(/[\\/]/).pop())])];
  const showCounters = () => {
    const chosen = find("#model").value || "nuclei";
    if (find("#model").options.length !== counters().length)
      find("#model").replaceChildren(...counters().map((name) => element("option", { value: name }, name)));
    find("#model").value = chosen;
    find("#modelnote").textContent = NOTES[chosen] || "Trained by you on the finished images.";
  };
  showCounters();
  find("#model").onchange = showCounters;
  find("#diameter").oninput = () => {
    const diameter = Number(find("#diameter").value);
    if (diameter > 0) { viewer.radius = diameter / 2; viewer.editing = true; viewer.draw(); }
  };
  find("#start").onclick = () => {
    const { channel, z } = page.choice;
    begin("count", {
      model: find("#model").value,
      diameter: Number(find("#diameter").value) || null,
      edges: find("#edges").value || null,
      channel: channel === undefined || channel === "" ? null : Number(channel),
      z: !z ? null : z === "max" ? "max" : Number(z),
    });
  };
  find("#csv").href = page.address("counts.csv");
  find("#xlsx").href = page.address("counts.xlsx");
  find("#pattern").oninput = () => showGroups(find);

  return {
    async shown(index) {
      viewer.points = page.images[index].counted ? await get(page.address(`cells/${index}?${query({})}`)) : [];
      viewer.draw();
      showResult(find);
    },
    jobs(jobs) {
      showCounters();
      const job = jobs.find((each) => each.kind === "count");
      const busy = job && (job.state === "running" || job.state === "waiting");
      find("#start").disabled = Boolean(busy);
      find("#job").replaceChildren(...(job && job.state !== "done" ? [jobBox(job)] : []));
      showResult(find);
    },
  };
}

const counted = () => page.images.filter((image) => image.counted);

function showResult(find) {
  const rows = counted();
  find("#result").hidden = !rows.length;
  if (!rows.length) return;
  const good = rows.filter((image) => image.counted.count !== "");
  const cells = good.reduce((sum, image) => sum + Number(image.counted.count), 0);
  const flagged = rows.filter((image) => image.counted.flag).length;
  const failed = rows.length - good.length;
  find("#sum").textContent = `${Math.round(cells).toLocaleString("en-GB")} cells in ${good.length} images`
    + (flagged ? `; ${flagged} flagged` : "") + (failed ? `; ${failed} failed` : "") + ".";
  find("#next").textContent = flagged
    ? "Look at the flagged images first (⚑; point at the sign to read why). Then correct two to ten images under “2 Correct”: only that tells how far off the counter is here."
    : "Look at some images. Then correct two to ten under “2 Correct”: only that tells how far off the counter is here.";
  showGroups(find);
}

// The group of an image: what a pattern catches of its name, or what stands before a separator.
export function groupOf(name, pattern) {
  if (!pattern) return "";
  try {
    const found = name.match(new RegExp(pattern));
    if (found && found.length > 1) return found.slice(1).filter(Boolean).join(" ");
  } catch { /* not a pattern yet */ }
  const place = name.indexOf(pattern);
  return place > 0 ? name.slice(0, place) : "";
}

function showGroups(find) {
  const groups = new Map();
  for (const { name, counted: row } of counted()) {
    const group = groupOf(name, find("#pattern").value.trim());
    if (group && row.count !== "") groups.set(group, [...(groups.get(group) || []), Number(row.count)]);
  }
  const number = (text) => element("td", { className: "number" }, text);
  const lines = [...groups].map(([group, values]) => {
    const sum = values.reduce((a, b) => a + b, 0);
    return element("tr", {}, element("td", {}, group), number(String(values.length)), number(Math.round(sum).toLocaleString("en-GB")), number((sum / values.length).toFixed(1)));
  });
  const head = element("tr", {}, ...["Group", "Images", "Cells", "Mean"].map((text) => element("th", {}, text)));
  find("#groups").replaceChildren(...(lines.length ? [head, ...lines] : []));
}
