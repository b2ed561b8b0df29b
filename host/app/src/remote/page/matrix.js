// The routing matrix: rows are what nodes put out, columns what they take. One cell is chosen and changed below.

import { decibels, element, shown, way, whenDragged } from "./faders.js";

const MOST = 64;

export class Matrix {
  #chosen = null;
  #cells = new Map();
  #buttons = new Map();
  #layout = "";

  constructor(find, rig) {
    this.rig = rig;
    this.table = find("cells");
    [this.bar, this.name, this.gain, this.value] = ["cell", "cell-name", "cell-gain", "cell-value"].map(find);
    [this.mute, this.invert, this.toggle] = ["cell-mute", "cell-invert", "cell-toggle"].map(find);
    const send = () => this.#set({ gain_db: decibels(Number(this.gain.value)) });
    const gesture = (on) => this.rig().order("gesture", { on });
    this.drag = whenDragged(this.gain, () => gesture(true), send, () => gesture(false));
    this.gain.addEventListener("input", () => (this.value.textContent = shown(decibels(Number(this.gain.value)))));
    this.mute.addEventListener("click", () => this.#set({ mute: !this.#cell()?.mute }));
    this.invert.addEventListener("click", () => this.#set({ invert: !this.#cell()?.invert }));
    this.toggle.addEventListener("click", () => this.#set(this.#cell() ? { remove: true } : {}));
  }

  #cell() {
    return this.#cells.get(this.#chosen?.key);
  }

  #set(what) {
    const { row, column } = this.#chosen;
    const places = {
      source: { node: row.node, port: row.port },
      source_channel: row.channel,
      destination: { node: column.node, port: column.port },
      destination_channel: column.channel,
    };
    this.rig().order("cells", { cells: [{ ...places, ...what }] });
  }

  show(rig) {
    const ends = (ports, node) => ports.flatMap(({ name, channels }, port) =>
      Array.from({ length: channels }, (_, channel) => ({ node, port: port + 1, name, channel: channel + 1 })));
    const rows = rig.nodes.flatMap((node) => ends(node.audio_outputs, node.name)).slice(0, MOST);
    const columns = rig.nodes.flatMap((node) => ends(node.audio_inputs, node.name)).slice(0, MOST);
    const key = (row, column) => JSON.stringify([row.node, row.port, row.channel, column.node, column.port, column.channel]);
    const layout = JSON.stringify([rows, columns]);
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#build(rows, columns, key);
    }
    this.#cells.clear();
    for (const { source, destination, crosspoints } of rig.edges) {
      for (const cell of crosspoints) {
        this.#cells.set(key({ ...source, channel: cell.source }, { ...destination, channel: cell.destination }), cell);
      }
    }
    for (const [place, button] of this.#buttons) {
      const cell = this.#cells.get(place);
      button.className = cell ? (cell.mute ? "muted" : "on") : "";
      button.textContent = cell ? (cell.gain_db === null ? "−∞" : cell.gain_db.toFixed(1).replace("-", "−")) + (cell.invert ? " Ø" : "") : "·";
    }
    this.#showChosen();
  }

  #build(rows, columns, key) {
    this.#buttons.clear();
    const label = (end) => `${end.node}${end.port > 1 ? `/${end.name}` : ""} ${end.channel}`;
    const head = element("tr", {}, element("th"), ...columns.map((column) => element("th", { textContent: label(column) })));
    const line = (row) => element("tr", {}, element("th", { textContent: label(row) }), ...columns.map((column) => {
      const place = key(row, column);
      const button = element("button", { ariaLabel: `${label(row)} to ${label(column)}` });
      button.addEventListener("click", () => {
        this.#chosen = { key: place, row, column, name: `${label(row)} → ${label(column)}` };
        this.#showChosen();
        // The bar below may have come to lie over it.
        button.scrollIntoView({ block: "nearest", inline: "nearest" });
      });
      this.#buttons.set(place, button);
      return element("td", {}, button);
    }));
    this.table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...rows.map(line)));
    if (this.#buttons.has(this.#chosen?.key)) return;
    this.drag.release();
    this.#chosen = null;
  }

  #showChosen() {
    for (const [place, button] of this.#buttons) button.ariaPressed = String(place === this.#chosen?.key);
    this.bar.hidden = !this.#chosen;
    if (!this.#chosen) return;
    const cell = this.#cell();
    this.name.textContent = this.#chosen.name;
    for (const part of [this.gain, this.mute, this.invert]) part.disabled = !cell;
    this.mute.ariaPressed = String(cell?.mute ?? false);
    this.invert.ariaPressed = String(cell?.invert ?? false);
    this.toggle.textContent = cell ? "Remove" : "Connect";
    if (this.drag.isDragged()) return;
    this.gain.value = way(cell ? cell.gain_db : null);
    this.value.textContent = cell ? shown(cell.gain_db) : "";
  }
}
