// Faders and meters. The law of a fader, strips for inputs, gains and what goes to the outputs.

export const SILENCE = -144;
// Parts of a fader's way, from the bottom, and the decibels there: wide where ears are keen.
const LAW = [[0, SILENCE], [0.04, -60], [0.25, -30], [0.5, -12], [0.8, 0], [1, 6]];

export function decibels(way) {
  const x = way / 1000;
  if (x <= 0) return SILENCE;
  const upper = LAW.findIndex(([place]) => place >= x);
  const [[from, low], [to, high]] = [LAW[upper - 1], LAW[upper]];
  return Math.round((low + ((high - low) * (x - from)) / (to - from)) * 10) / 10;
}

export function way(level) {
  if (level === null || level === undefined || level <= SILENCE) return 0;
  if (level >= 6) return 1000;
  const upper = LAW.findIndex(([, place]) => place >= level);
  const [[from, low], [to, high]] = [LAW[upper - 1], LAW[upper]];
  return Math.round(1000 * (from + ((to - from) * (level - low)) / (high - low)));
}

export function shown(level) {
  return level === null || level === undefined || level <= SILENCE ? "−∞" : `${level.toFixed(1).replace("-", "−")} dB`;
}

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Sends at most one value a picture while a hand drags.
export function whenDragged(input, begin, send, end) {
  let waiting = false;
  let dragged = false;
  // Lets go without a hand: what is shown in its place is something else.
  const release = () => {
    if (dragged) end();
    dragged = false;
  };
  input.addEventListener("input", () => {
    if (!dragged) begin();
    dragged = true;
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (dragged) send();
    });
  });
  input.addEventListener("change", () => {
    if (dragged) send();
    release();
  });
  return { isDragged: () => dragged, release };
}

// Where a level stands on a meter, from 0 to 1.
function height(level) {
  return level === null ? 0 : Math.min(1, Math.max(0, (level + 60) / 60));
}

export class Meter {
  constructor() {
    this.cover = element("s");
    this.held = element("u");
    this.shown = element("div", { className: "meter" }, element("i"), this.cover, this.held);
  }

  show({ peak_db, held_db, clips }) {
    this.cover.style.transform = `scaleY(${1 - height(peak_db)})`;
    this.held.style.bottom = `calc(${100 * height(held_db)}% - 2px)`;
    this.shown.classList.toggle("clip", clips > 0);
    this.shown.dataset.peak = peak_db ?? SILENCE;
  }
}

export class Faders {
  #strips = new Map();
  #layout = "";

  constructor(view, rig) {
    this.view = view;
    this.rig = rig;
    view.addEventListener("click", ({ target }) => {
      if (target.closest(".meter")) this.rig().order("reset_meters");
    });
  }

  // What there is to move: inputs to look at, gains, and cells into the rig's outputs.
  show(rig) {
    const audio = (node) => node.audio_inputs.length + node.audio_outputs.length > 0;
    const inputs = rig.nodes.filter((node) => node.kind === "input" && audio(node));
    const outputs = new Set(rig.nodes.filter((node) => node.kind === "output").map((node) => node.name));
    const strips = inputs.map((node) => ({ kind: "input", key: `input ${node.name}`, node: node.name }));
    for (const node of rig.nodes.filter((node) => node.builtin === "gain")) {
      strips.push({ kind: "gain", key: `gain ${node.name}`, node: node.name, gain: node.gain });
    }
    for (const edge of rig.edges.filter((edge) => outputs.has(edge.destination.node))) {
      for (const cell of edge.crosspoints) {
        const key = `cell ${JSON.stringify([edge.source, cell.source, edge.destination, cell.destination])}`;
        strips.push({ kind: "cell", key, edge, cell, node: edge.destination.node, channel: cell.destination });
      }
    }
    const layout = strips.map(({ key }) => key).join("\n");
    if (layout !== this.#layout) {
      this.#layout = layout;
      this.#strips.forEach((strip) => strip.release());
      this.#strips.clear();
      this.view.replaceChildren(...strips.map((strip) => this.#strip(strip)));
      // The rig's own ends are metered already.
      for (const { node } of strips.filter(({ kind }) => kind === "gain")) this.rig().order("meter", { node, on: true });
    }
    for (const strip of strips) {
      const known = this.#strips.get(strip.key);
      if (strip.kind === "cell") known.set(strip.cell.mute ? null : strip.cell.gain_db);
      if (strip.kind === "gain") known.set(strip.gain > 0 ? 20 * Math.log10(strip.gain) : null);
    }
  }

  // Another run of the rig knows nothing of what was ordered.
  forget() {
    this.#layout = "";
  }

  #strip(strip) {
    const { kind, key, node, channel, edge, cell } = strip;
    const [title, more] = kind === "cell"
      ? [`${edge.destination.node} ${cell.destination}`, `${edge.source.node} ${cell.source}`]
      : [node, kind === "input" ? "input" : "gain"];
    const name = element("div", { className: "name", title }, element("b", { textContent: title }), element("span", { textContent: more }));
    const meters = element("div", { className: "meters" });
    const body = element("div", { className: "body" }, meters);
    const value = element("output");
    const known = { node, channel, meters: [], place: meters, set() {}, release() {} };
    if (kind !== "input") {
      const input = element("input", { type: "range", min: 0, max: 1000, ariaLabel: `${title} from ${more}` });
      input.dataset.strip = kind === "cell" ? `${edge.source.node}:${cell.source}>${edge.destination.node}:${cell.destination}` : node;
      const write = () => (value.textContent = shown(decibels(Number(input.value))));
      const send = () => {
        const gain = decibels(Number(input.value));
        if (kind === "gain") {
          const linear = gain <= SILENCE ? 0 : 10 ** (gain / 20);
          this.rig().order("set", { node, parameter: "gain", value: linear });
          return;
        }
        const { source, destination } = edge;
        const places = { source, source_channel: cell.source, destination, destination_channel: cell.destination };
        this.rig().order("cells", { cells: [{ ...places, gain_db: gain, mute: false }] });
      };
      const gesture = (on) => this.rig().order("gesture", { on });
      const drag = whenDragged(input, () => gesture(true), send, () => gesture(false));
      known.release = drag.release;
      input.addEventListener("input", write);
      known.set = (level) => {
        if (drag.isDragged()) return;
        input.value = way(level);
        value.textContent = shown(level);
      };
      body.append(input);
    }
    this.#strips.set(key, known);
    return element("div", { className: `strip ${kind}` }, name, body, value);
  }

  levels({ nodes }) {
    for (const strip of this.#strips.values()) {
      const all = Object.hasOwn(nodes, strip.node) ? nodes[strip.node] : [];
      const channels = strip.channel === undefined ? all : all.slice(strip.channel - 1, strip.channel);
      while (strip.meters.length < channels.length) {
        const meter = new Meter();
        strip.meters.push(meter);
        strip.place.append(meter.shown);
      }
      channels.forEach((channel, place) => strip.meters[place].show(channel));
    }
  }
}
