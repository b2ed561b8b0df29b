// A listener's own mix: one fader for all that they hear, and one for each row that is set in it.

import { Meter, SILENCE, decibels, element, shown, way, whenDragged } from "./faders.js";

// How loud a cell is, muted or not.
const level = ({ gain_db, mute }) => (mute ? null : gain_db);
const loudest = (levels) => levels.reduce((most, one) => (one !== null && (most === null || one > most) ? one : most), null);

export class Mix {
  #strips = new Map();
  #layout = "";
  // The name of the mix that is shown; none for the whole desk.
  #chosen = "";

  constructor(find, rig, wanted, chosen) {
    [this.view, this.place, this.choice] = ["mix", "mixes", "mix-choice"].map(find);
    this.rig = rig;
    this.#chosen = wanted;
    this.choice.addEventListener("change", () => {
      this.#chosen = this.choice.value;
      chosen(this.#chosen);
    });
  }

  // The mix of a rig that is shown, if it is there.
  of({ mixes }) {
    return mixes.find(({ name }) => name === this.#chosen);
  }

  // What there is to choose.
  offer({ mixes }) {
    const names = ["", ...mixes.map(({ name }) => name)];
    this.place.hidden = names.length === 1;
    if ([...this.choice.options].map(({ value }) => value).join("\n") !== names.join("\n")) {
      this.choice.replaceChildren(...names.map((value) => element("option", { value, textContent: value || "All" })));
    }
    this.choice.value = names.includes(this.#chosen) ? this.#chosen : "";
  }

  show(rig) {
    const mix = this.of(rig);
    const heard = new Set(mix.columns.map(({ node, port, channel }) => JSON.stringify([node, port, channel])));
    // Meters count over all ports of a node.
    const metered = ({ node, port }, channel) => {
      const ports = rig.nodes.find(({ name }) => name === node)?.audio_outputs.slice(0, port - 1) ?? [];
      return ports.reduce((sum, { channels }) => sum + channels, channel);
    };
    const rows = new Map();
    for (const { source, destination, crosspoints } of rig.edges) {
      for (const cell of crosspoints) {
        if (!heard.has(JSON.stringify([destination.node, destination.port, cell.destination]))) continue;
        const key = JSON.stringify([source.node, source.port, cell.source]);
        if (!rows.has(key)) rows.set(key, { source, channel: cell.source, metered: metered(source, cell.source), cells: [] });
        rows.get(key).cells.push({ source, destination, cell });
      }
    }
    const layout = JSON.stringify([mix.name, ...rows.keys()]);
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#strips.forEach((strip) => strip.release?.());
      this.#strips.clear();
      const strips = [...rows].map(([key, row]) => this.#row(key, row));
      this.view.replaceChildren(this.#whole(mix.name), ...strips);
      for (const node of new Set([...rows.values()].map(({ source }) => source.node))) this.rig().order("meter", { node, on: true });
    }
    this.#strips.get("whole").set(mix.muted ? null : mix.gain_db);
    for (const [key, { cells }] of rows) {
      const strip = this.#strips.get(key);
      strip.cells = cells;
      strip.set(loudest(cells.map(({ cell }) => level(cell))));
    }
  }

  // Another run of the rig knows nothing of what was ordered.
  forget() {
    this.#layout = "";
  }

  #whole(name) {
    const send = (gain_db) => this.rig().order("mix_fader", { mix: name, gain_db, mute: false });
    return this.#strip("whole", { title: name, more: "all of it", name: `mix ${name}`, kind: "mix", send });
  }

  #row(key, { source, channel, metered }) {
    let offsets = [];
    const begin = () => {
      // What is panned stays where it is while it becomes louder, and what is silent beside it stays so.
      const levels = this.#strips.get(key).cells.map(({ cell }) => level(cell));
      const most = loudest(levels);
      offsets = levels.map((one) => (most === null ? 0 : one === null ? null : one - most));
    };
    const send = (gain) => {
      const cells = this.#strips.get(key).cells.flatMap(({ source, destination, cell }, at) => {
        if (offsets[at] === null) return [];
        const gain_db = Math.max(SILENCE, gain + (offsets[at] ?? 0));
        const places = { source, source_channel: cell.source, destination, destination_channel: cell.destination };
        return [{ ...places, gain_db, mute: false }];
      });
      this.rig().order("cells", { cells });
    };
    const more = source.port > 1 ? `${source.port} · ${channel}` : `${channel}`;
    const strip = this.#strip(key, { title: source.node, more, name: `${source.node}:${channel}`, kind: "cell", begin, send });
    Object.assign(this.#strips.get(key), { node: source.node, channel: metered, cells: [] });
    return strip;
  }

  #strip(key, { title, more, name, kind, begin = () => {}, send }) {
    const heading = element("div", { className: "name", title }, element("b", { textContent: title }), element("span", { textContent: more }));
    const meters = element("div", { className: "meters" });
    const input = element("input", { type: "range", min: 0, max: 1000, ariaLabel: `${title} ${more}` });
    input.dataset.strip = name;
    const value = element("output");
    const gain = () => decibels(Number(input.value));
    const gesture = (on) => this.rig().order("gesture", { on });
    const started = () => {
      begin();
      gesture(true);
    };
    const drag = whenDragged(input, started, () => send(gain()), () => gesture(false));
    input.addEventListener("input", () => (value.textContent = shown(gain())));
    const set = (now) => {
      if (drag.isDragged()) return;
      input.value = way(now);
      value.textContent = shown(now);
    };
    this.#strips.set(key, { set, release: drag.release, meters: [], place: meters });
    return element("div", { className: `strip ${kind}` }, heading, element("div", { className: "body" }, meters, input), value);
  }

  levels({ nodes }) {
    for (const { node, channel, meters, place } of this.#strips.values()) {
      const known = node !== undefined && Object.hasOwn(nodes, node) ? nodes[node][channel - 1] : undefined;
      if (!known) continue;
      if (!meters.length) {
        meters.push(new Meter());
        place.append(meters[0].shown);
      }
      meters[0].show(known);
    }
  }
}
