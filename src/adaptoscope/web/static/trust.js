// A check: images drawn at random are counted by hand, and tell the counter's bias.

import { get, send } from "./api.js";
import { begin, element, fail, jobBox, open, page, select, viewer } from "./app.js";
import { shortNames } from "./names.js";

export function trustPanel({ find }) {
  let drawn = null, rows = [], shownAnswer = "";
  const trained = page.jobs.filter((job) => job.kind === "learn" && job.state === "done").map((job) => job.result.split(/[\\/]/).pop());
  find("#model").replaceChildren(...["nuclei", "dog", "otsu_watershed", ...trained].map((name) => element("option", { value: name }, name)));
  find("#draw").onclick = () => begin("check", { model: find("#model").value, number: Number(find("#number").value), ...planes() });
  find("#finish").onclick = async () => {
    await send(page.address(`check/${drawn}`), Object.fromEntries(rows.map(({ image, input }) => [image, Number(input.value)])), "PUT");
    await begin("bias", { check: drawn });
  };

  function planes() {
    const { channel, z } = page.choice;
    return { channel: channel === undefined || channel === "" ? null : Number(channel), z: !z ? null : z === "max" ? "max" : Number(z) };
  }

  function ready() {
    find("#finish").disabled = !rows.length || rows.some(({ input }) => input.value === "" || Number(input.value) < 0);
  }

  async function showDrawn(job) {
    drawn = job.id;
    const listed = await get(page.address(`check/${job.id}`));
    const short = shortNames(listed.map((row) => row.image));
    rows = listed.map((row) => {
      const marks = page.images.find((image) => image.name === row.image)?.marks;
      const value = row.hand_count ?? (marks?.finished ? marks.cells : "");
      const input = element("input", { type: "number", min: 0, step: 1, value, oninput: ready, title: row.image });
      return { image: row.image, input };
    });
    find("#rows").replaceChildren(...rows.map(({ image, input }, place) => {
      const index = page.images.findIndex((each) => each.name === image);
      return element("tr", {},
        element("td", {}, element("button", { title: image, onclick: () => select(index).catch(fail) }, short[place])),
        element("td", {}, input),
        element("td", {}, element("button", { onclick: () => select(index).then(() => open("correct")).catch(fail) }, "mark")));
    }));
    find("#drawn").hidden = false;
    ready();
  }

  function showAnswer(job) {
    const found = JSON.parse(job.output);
    find("#answer").hidden = false;
    find("#sentence").textContent = found.sentence;
    const model = page.jobs.find((each) => each.id === drawn)?.title.replace("Draw images to check ", "") || "the counter";
    find("#methods").textContent = `Cells were counted automatically (Adaptoscope, counter ${model}). ${found.counted_by_hand} of `
      + `${found.images} images, drawn at random, were also counted by hand. ${found.sentence}`;
  }

  return {
    async shown() { viewer.points = []; viewer.draw(); },
    jobs(jobs) {
      const job = jobs.find((each) => each.kind === "check");
      const answer = jobs.find((each) => each.kind === "bias");
      const latest = answer && job && answer.created > job.created ? answer : job;
      find("#draw").disabled = Boolean(latest && (latest.state === "running" || latest.state === "waiting"));
      find("#job").replaceChildren(...(latest && latest.state !== "done" ? [jobBox(latest)] : []));
      if (job?.state === "done" && job.id !== drawn) showDrawn(job).catch(fail);
      find("#answer").hidden = latest !== answer || answer?.state !== "done";
      if (answer?.state === "done" && answer.id !== shownAnswer && latest === answer) { shownAnswer = answer.id; showAnswer(answer); }
    },
  };
}
