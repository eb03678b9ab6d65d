// An image of any size on a canvas: only tiles that are seen are fetched; contrast is changed here.

import { getBytes, query } from "./api.js";

const TILE = 256;
const MOST_TILES = 200;
const MOST_AT_ONCE = 6;

export class Viewer {
  constructor(canvas, onChange = () => {}) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.facts = null;
    this.source = "";
    this.tiles = new Map();
    this.wanted = [];
    this.loading = 0;
    this.points = [];
    this.radius = 7;
    this.pointer = null;
    this.hovered = -1;
    this.editing = false;
    this.showPoints = true;
    this.tone = { low: 0, high: 1, gamma: 1 };
    this.view = { scale: 1, x: 0, y: 0 };
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.listen();
  }

  // Show an image: `facts` of the server, `source` the address of its tiles, `choice` its channel.
  open(facts, source, choice) {
    this.facts = facts;
    this.source = source;
    this.choice = choice;
    this.tiles.clear();
    this.wanted = [];
    this.generation = (this.generation || 0) + 1;
    this.tone = { low: facts.low, high: facts.high, gamma: 1 };
    this.makeTable();
    this.fit();
  }

  close() { this.facts = null; this.points = []; this.draw(); }

  setTone(tone) { Object.assign(this.tone, tone); this.makeTable(); this.draw(); }

  makeTable() {
    const { low, high, gamma } = this.tone;
    const size = this.facts.largest + 1;
    this.table = new Uint8ClampedArray(size);
    for (let value = 0; value < size; value += 1) {
      const share = Math.min(1, Math.max(0, (value - low) / Math.max(high - low, 1e-9)));
      this.table[value] = 255 * share ** gamma;
    }
    this.toned = (this.toned || 0) + 1;
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.facts && this.fitted) this.fit(); else this.draw();
  }

  fit() {
    const { width, height } = this.canvas;
    const scale = Math.min(width / this.facts.width, height / this.facts.height);
    this.view = { scale, x: (width - this.facts.width * scale) / 2, y: (height - this.facts.height * scale) / 2 };
    this.fitted = true;
    this.draw();
  }

  zoom(factor, x, y) {
    const view = this.view;
    const least = Math.min(this.canvas.width / this.facts.width, this.canvas.height / this.facts.height) / 2;
    const scale = Math.min(40, Math.max(least, view.scale * factor));
    view.x = x - (x - view.x) * scale / view.scale;
    view.y = y - (y - view.y) * scale / view.scale;
    view.scale = scale;
    this.fitted = false;
    this.draw();
  }

  centreOn(row, column) {
    this.view.x = this.canvas.width / 2 - (column + 0.5) * this.view.scale;
    this.view.y = this.canvas.height / 2 - (row + 0.5) * this.view.scale;
    this.fitted = false;
    this.draw();
  }

  // From a place on the canvas to (row, column); the middle of the first pixel is (0, 0).
  placeOf(x, y) {
    return [(y - this.view.y) / this.view.scale - 0.5, (x - this.view.x) / this.view.scale - 0.5];
  }

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  paint() {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#11161b";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.facts) return;
    context.imageSmoothingEnabled = this.view.scale < 1;
    const level = Math.min(this.facts.levels - 1, Math.max(0, Math.floor(-Math.log2(this.view.scale))));
    const missing = [];
    // A coarse picture lies below, so that nothing is empty while fine tiles are on their way.
    for (const depth of level === this.facts.levels - 1 ? [level] : [this.facts.levels - 1, level]) {
      for (const [row, column] of this.visible(depth)) {
        const tile = this.tiles.get(`${depth}/${row}/${column}`);
        if (tile) this.paintTile(context, tile, depth, row, column);
        else missing.push([depth, row, column]);
      }
    }
    this.wanted = missing;
    this.fetchNext();
    if (this.showPoints) this.paintPoints(context);
    this.onChange();
  }

  visible(level) {
    const edge = TILE * 2 ** level;
    const [top, left] = this.placeOf(0, 0);
    const [bottom, right] = this.placeOf(this.canvas.width, this.canvas.height);
    const found = [];
    const lastRow = Math.ceil(this.facts.height / edge) - 1;
    const lastColumn = Math.ceil(this.facts.width / edge) - 1;
    for (let row = Math.max(0, Math.floor(top / edge)); row <= Math.min(lastRow, Math.floor(bottom / edge)); row += 1)
      for (let column = Math.max(0, Math.floor(left / edge)); column <= Math.min(lastColumn, Math.floor(right / edge)); column += 1)
        found.push([row, column]);
    return found;
  }

  paintTile(context, tile, level, row, column) {
    if (tile.toned !== this.toned) {
      const image = new ImageData(TILE, TILE);
      const words = new Uint32Array(image.data.buffer);
      for (let place = 0; place < tile.values.length; place += 1) {
        const grey = this.table[tile.values[place]];
        words[place] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
      }
      tile.canvas ||= Object.assign(document.createElement("canvas"), { width: TILE, height: TILE });
      tile.canvas.getContext("2d").putImageData(image, 0, 0);
      tile.toned = this.toned;
    }
    const edge = TILE * 2 ** level;
    const wide = Math.min(TILE, (this.facts.width - column * edge) / 2 ** level);
    const high = Math.min(TILE, (this.facts.height - row * edge) / 2 ** level);
    const { scale, x, y } = this.view;
    context.drawImage(tile.canvas, 0, 0, wide, high, x + column * edge * scale, y + row * edge * scale,
      wide * 2 ** level * scale, high * 2 ** level * scale);
  }

  fetchNext() {
    while (this.loading < MOST_AT_ONCE && this.wanted.length) {
      const [level, row, column] = this.wanted.shift();
      const key = `${level}/${row}/${column}`;
      if (this.tiles.has(key)) continue;
      this.load(key, level, row, column);
    }
  }

  async load(key, level, row, column) {
    const generation = this.generation;
    this.loading += 1;
    this.tiles.set(key, null);
    try {
      const bytes = await getBytes(`${this.source}?${query({ level, row, column, ...this.choice })}`);
      if (generation !== this.generation) return;
      this.tiles.delete(key);
      this.tiles.set(key, { values: new Uint16Array(bytes), toned: -1 });
      while (this.tiles.size > MOST_TILES) this.tiles.delete(this.tiles.keys().next().value);
      this.draw();
    } catch {
      if (generation === this.generation) this.tiles.delete(key);
    } finally {
      this.loading -= 1;
      this.fetchNext();
    }
  }

  paintPoints(context) {
    const { scale, x, y } = this.view;
    const radius = Math.max(3, this.radius * scale * 0.8);
    const ring = (row, column, size) => {
      context.beginPath();
      context.arc(x + (column + 0.5) * scale, y + (row + 0.5) * scale, size, 0, 2 * Math.PI);
      context.stroke();
    };
    for (const [colour, width] of [["#1a0d00", 3.5], ["#ff6a1f", 1.8]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      for (const [row, column] of this.points) ring(row, column, radius);
    }
    if (this.hovered >= 0 && this.points[this.hovered]) {
      context.strokeStyle = "#fff";
      ring(...this.points[this.hovered], radius + 3);
    } else if (this.pointer && this.editing) {
      context.strokeStyle = "#ffffffaa";
      context.lineWidth = 1;
      ring(...this.placeOf(...this.pointer), Math.max(3, this.radius * scale));
    }
  }

  nearest(x, y) {
    const [row, column] = this.placeOf(x, y);
    const reach = Math.max(this.radius * 0.9, 7 / this.view.scale);
    let best = -1, least = reach * reach;
    this.points.forEach((point, index) => {
      const distance = (point[0] - row) ** 2 + (point[1] - column) ** 2;
      if (distance <= least) { least = distance; best = index; }
    });
    return best;
  }

  listen() {
    const canvas = this.canvas;
    const at = (event) => {
      const box = canvas.getBoundingClientRect(), ratio = canvas.width / box.width;
      return [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
    };
    let held = null;
    canvas.addEventListener("wheel", (event) => {
      if (!this.facts) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0015), ...at(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      if (!this.facts || event.button !== 0) return;
      canvas.focus();
      canvas.setPointerCapture(event.pointerId);
      const [x, y] = at(event);
      held = { x, y, moved: false, point: this.editing && this.showPoints ? this.nearest(x, y) : -1 };
      if (held.point >= 0) held.from = this.points[held.point];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.facts) return;
      const [x, y] = at(event);
      this.pointer = [x, y];
      if (!held) {
        this.hovered = this.editing && this.showPoints ? this.nearest(x, y) : -1;
      } else if (held.moved || Math.hypot(x - held.x, y - held.y) > 4) {
        if (held.point >= 0) this.points[held.point] = this.placeOf(x, y);
        else { this.view.x += x - (held.lastX ?? held.x); this.view.y += y - (held.lastY ?? held.y); this.fitted = false; }
        Object.assign(held, { moved: true, lastX: x, lastY: y });
      }
      this.draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (!held || !this.facts) return;
      const { point, moved, from } = held;
      const place = this.placeOf(...at(event));
      held = null;
      if (!this.editing || !this.showPoints) return;
      if (point >= 0 && moved) { this.points[point] = from; this.onEdit?.({ act: "move", point, place }); }
      else if (point >= 0) this.onEdit?.({ act: "delete", point });
      else if (!moved && this.inside(place)) this.onEdit?.({ act: "add", place });
      this.hovered = -1;
      this.draw();
    });
    canvas.addEventListener("pointercancel", () => {
      if (held?.from) this.points[held.point] = held.from;
      held = null;
      this.draw();
    });
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.hovered = -1; this.draw(); });
  }

  inside([row, column]) {
    return row >= -0.5 && column >= -0.5 && row < this.facts.height - 0.5 && column < this.facts.width - 0.5;
  }
}
