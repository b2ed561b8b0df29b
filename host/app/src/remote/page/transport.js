// The transport and the outputs: where the playhead is, a tempo to tap, and outputs that are silent.

import { element } from "./faders.js";

const CAUSES = { by_hand: "closed by hand", not_a_number: "what was to be played was not a number", too_loud: "too loud for too long" };

export class Transport {
  constructor(find, rig) {
    [this.position, this.tempo, this.play, this.closed] = ["position", "tempo", "play", "closed"].map(find);
    // When a finger comes down, by this page's own clock: how long it was under way is not heard.
    find("tap").addEventListener("pointerdown", ({ timeStamp }) => rig().order("tap", { at: timeStamp / 1000 }));
    // A keyboard has no finger.
    find("tap").addEventListener("click", ({ detail, timeStamp }) => detail === 0 && rig().order("tap", { at: timeStamp / 1000 }));
    this.play.addEventListener("click", () => rig().order("play_or_stop"));
    this.open = (output) => rig().order("hold_output", { node: output, on: false });
  }

  show({ nodes, playhead }) {
    this.move(playhead);
    const silent = nodes.filter(({ guard }) => guard?.closed);
    const key = JSON.stringify(silent.map(({ name, guard }) => [name, guard.closed]));
    this.closed.hidden = !silent.length;
    if (this.closed.dataset.shown === key) return;
    this.closed.dataset.shown = key;
    this.closed.replaceChildren(...silent.map(({ name, guard: { closed } }) => {
      const who = closed.blamed ? `; it came from ${closed.blamed}` : "";
      const open = element("button", { textContent: "Open", ariaLabel: `Open ${name}` });
      open.addEventListener("click", () => this.open(name));
      const why = element("span", { textContent: `is silent: ${CAUSES[closed.cause] ?? closed.cause}${who}` });
      return element("div", {}, element("b", { textContent: name }), why, open);
    }));
  }

  move({ playing, bar, beat, tempo, metre, count_in }) {
    const counted = count_in ? `−${count_in.beats - count_in.beat + 1}` : `${bar}.${Math.floor(beat + 1e-6)}`;
    this.position.textContent = counted;
    this.tempo.textContent = `${Math.round(tempo * 10) / 10} · ${metre.join("/")}`;
    this.play.ariaPressed = String(playing || Boolean(count_in));
    this.play.textContent = playing || count_in ? "■" : "▶";
  }
}
