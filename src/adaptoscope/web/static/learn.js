// Learn from the finished images; measure counters on them; what was done.

import { begin, element, jobBox, page } from "./app.js";

// With fewer images than this a network learns their places by heart more than their look.
const FEWEST = 2;

export function learnPanel({ find }) {
  const finished = () => page.images.filter((image) => image.marks?.finished).length;
  const ready = () => {
    const number = finished();
    const cells = page.images.filter((i) => i.marks?.finished).reduce((sum, i) => sum + i.marks.cells, 0);
    find("#ready").textContent = number < FEWEST
      ? `${number} finished image${number === 1 ? "" : "s"}: mark every cell of at least ${FEWEST} under “2 Correct”; five to ten are better.`
      : `${number} finished images with ${cells} cells.`;
    find("#start").disabled = number < FEWEST;
  };
  ready();
  find("#start").onclick = () => begin("learn", { head: find("#head").value, folds: Math.min(4, finished()) });
  return {
    jobs(jobs) {
      ready();
      const job = jobs.find((each) => each.kind === "learn");
      const busy = job && (job.state === "running" || job.state === "waiting");
      if (busy) find("#start").disabled = true;
      find("#job").replaceChildren(...(job ? [jobBox(job)] : []));
      const made = jobs.filter((each) => each.kind === "learn" && each.state === "done");
      find("#counters").replaceChildren(
        element("li", {}, "nuclei, as it comes ", element("button", {
          disabled: finished() < 1, onclick: () => begin("evaluate", { model: "nuclei" }),
        }, "measure"), measured(jobs, "nuclei")),
        ...made.map((each) => element("li", {}, each.result.split(/[\\/]/).pop(), element("p", { className: "note" }, saidOf(each)))));
    },
  };
}

// What the training says: beside the counter that it began as, else of its error on images left out.
function saidOf(job) {
  const judged = job.messages.findLast((line) => /^(Better|Worse|Not decided): /.test(line));
  if (judged) return judged.startsWith("Better") ? judged : `${judged} It is therefore not offered under “1 Count”.`;
  return job.messages.findLast((line) => /MAE|Not measured/.test(line)) || "";
}

function measured(jobs, name) {
  const job = jobs.find((each) => each.kind === "evaluate" && each.title.includes(` ${name} `));
  if (!job) return "";
  if (job.state !== "done") return element("span", { className: "note" }, ` ${job.state}`);
  const found = JSON.parse(job.output);
  return element("p", { className: "note" }, `MAE ${found.mae.toFixed(1)}, bias ${found.bias.toFixed(1)} cells on ${found.n} finished images. Where these began with its own cells, that flatters it.`);
}

export function runsPanel({ find }) {
  let before = "";
  return {
    jobs(jobs) {
      const now = JSON.stringify(jobs);
      if (now === before) return;
      before = now;
      find("#runs").replaceChildren(...(jobs.length ? jobs.map(jobBox) : [element("p", { className: "note" }, "Nothing yet.")]));
    },
  };
}
