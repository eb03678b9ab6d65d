// Correct the cells of an image; every act is kept by the server before the next one.

import { get, send } from "./api.js";
import { element, fail, page, say, select, showList, viewer } from "./app.js";

export function correctPanel({ find }) {
  let marks = null, done = [], undone = [], current = -1, keeping = Promise.resolve();

  const copy = () => viewer.points.map((point) => [...point]);

  function show() {
    const begun = Boolean(marks && marks.version);
    find("#take").hidden = begun;
    find("#blank").hidden = begun;
    find("#acts").hidden = !begun;
    const counted = page.images[current]?.counted;
    find("#take").disabled = !counted;
    find("#state").textContent = begun ? (marks.start === "empty" ? "Counted by eye, without a counter." : "Begun with the counter's cells.")
      : counted ? "Put right what the counter missed or invented, or count by eye: then nothing leads you."
        : "Count first to begin with the counter's cells, or count by eye.";
    find("#cells").textContent = String(viewer.points.length);
    find("#finished").checked = Boolean(marks?.finished);
    find("#undo").disabled = !done.length;
    find("#redo").disabled = !undone.length;
    viewer.editing = begun;
    viewer.draw();
  }

  // One change after the other, so that each knows the version that the last one made.
  function keep() {
    const index = current, image = page.images[index], state = marks;
    const points = copy();
    say("keeping …");
    keeping = keeping.then(async () => {
      const kept = await send(page.address(`marks/${index}`),
        { points, finished: state.finished, version: state.version, start: state.start }, "PUT");
      state.version = kept.version;
      image.marks = { cells: points.length, finished: state.finished };
      showList();
      say("all kept");
    }).catch((error) => { say("NOT KEPT"); fail(error); });
    return keeping;
  }

  function change(points) {
    viewer.points = points;
    keep();
    show();
  }

  function act(points) {
    done.push(copy());
    undone = [];
    change(points);
  }

  function step(from, to) {
    if (!from.length) return;
    to.push(copy());
    change(from.pop());
  }

  function edit({ act: what, point, place }) {
    const points = copy();
    if (what === "add") points.push(place);
    else if (what === "delete") points.splice(point, 1);
    else points[point] = place;
    act(points);
  }

  async function start(kind) {
    const found = kind === "counter" ? await get(page.address(`cells/${current}`)) : [];
    // The middle of a cell that the border cuts may lie beyond it; a mark has to lie in the image.
    const within = (value, size) => Math.min(Math.max(value, 0), size - 1);
    const points = found.map(([row, column]) => [within(row, viewer.facts.height), within(column, viewer.facts.width)]);
    marks.start = kind;
    marks.version = marks.version || 0;
    viewer.points = points;
    await keep();
    show();
  }

  function unfinished() {
    const after = page.images.findIndex((image, index) => index > current && !image.marks?.finished);
    return after >= 0 ? after : current + 1;
  }

  find("#take").onclick = () => start("counter").catch(fail);
  find("#blank").onclick = () => start("empty").catch(fail);
  find("#undo").onclick = () => step(done, undone);
  find("#redo").onclick = () => step(undone, done);
  find("#finished").onchange = () => { marks.finished = find("#finished").checked; keep(); show(); };
  find("#previous").onclick = () => select(current - 1).catch(fail);
  find("#following").onclick = () => select(unfinished()).catch(fail);
  viewer.onEdit = edit;

  return {
    async shown(index) {
      if (index !== current || !marks?.version) {
        await keeping;
        const read = await get(page.address(`marks/${index}`));
        if (index !== page.image) return;
        current = index;
        marks = read;
        done = [];
        undone = [];
      }
      viewer.points = marks.version ? (index === current && done.length ? viewer.points : marks.points.map((p) => [...p]))
        : page.images[index].counted ? await get(page.address(`cells/${index}`)) : [];
      show();
    },
    left() { viewer.onEdit = null; viewer.editing = false; },
    key(event) {
      const command = event.ctrlKey || event.metaKey;
      if (command && event.key.toLowerCase() === "z") step(event.shiftKey ? undone : done, event.shiftKey ? done : undone);
      else if (command && event.key.toLowerCase() === "y") step(undone, done);
      else if ((event.key === "Delete" || event.key === "Backspace") && viewer.hovered >= 0 && viewer.editing)
        edit({ act: "delete", point: viewer.hovered });
      else return false;
      return true;
    },
  };
}
