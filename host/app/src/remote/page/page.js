// The page: shows what the rig tells, and orders what a hand touches.

import { Faders, element } from "./faders.js";
import { Matrix } from "./matrix.js";
import { Mix } from "./mix.js";
import { Rig } from "./rig.js";
import { Transport } from "./transport.js";

const find = (id) => document.getElementById(id);
const KEPT = "crosspoint token";
const KEPT_MIX = "crosspoint mix";
const IN_TUNE = 2;
const MOST_TRIES = 20;

let rig = null;
let last = null;
let view = "faders";
let quiet = 0;
let tries = 0;

const faders = new Faders(find("faders"), () => rig);
const matrix = new Matrix(find, () => rig);
// `#TOKEN`, or `#TOKEN&mix=NAME` for a listener's own mix.
const [token, ...more] = location.hash.slice(1).split("&");
const wanted = new URLSearchParams(more.join("&")).get("mix") ?? sessionStorage.getItem(KEPT_MIX) ?? "";
const mix = new Mix(find, () => rig, wanted, (name) => {
  sessionStorage.setItem(KEPT_MIX, name);
  if (last) show(last);
});
sessionStorage.setItem(KEPT_MIX, wanted);
const transport = new Transport(find, () => rig);

function tell(text) {
  const notice = find("notice");
  notice.textContent = text;
  notice.hidden = false;
  clearTimeout(quiet);
  quiet = setTimeout(() => (notice.hidden = true), 5000);
}

const hear = {
  async connected() {
    tries = 0;
    find("entry").hidden = true;
    find("notice").hidden = true;
    sessionStorage.setItem(KEPT, rig.token);
    faders.forget();
    mix.forget();
    rig.order("subscribe", { to: ["rig", "levels", "playhead", "notices"] });
    rig.order("meter", { on: true });
    rig.order("measure_load", { on: true });
    if (view === "tuner") tune(true);
  },
  lost(wasThere) {
    if (wasThere) {
      tell("The rig is gone. Looking for it…");
      return;
    }
    if (last && ++tries < MOST_TRIES) {
      // It was there before, under this token: it may come back. Another run has another token, and would count each try.
      tell("The rig is gone. Looking for it…");
      setTimeout(() => enter(rig.token), 1500);
      return;
    }
    sessionStorage.removeItem(KEPT);
    find("why").textContent = "The rig is not reached, or that is not the token of this run.";
    find("entry").hidden = false;
  },
  refused: (error) => tell(error.message),
  rig: show,
  playhead: (playhead) => transport.move(playhead),
  levels(levels) {
    if (view === "faders") desk().levels(levels);
    if (view === "tuner") showTuner(levels.tuner);
  },
  notice(notice) {
    if (notice.kind === "scene_not_prepared") tell(`${notice.scene} waits for ${notice.waits_for.join(", ")}`);
    // What stands at the top already needs no word below.
    if (notice.message && !notice.kind.startsWith("output_")) tell(notice.message);
  },
};

// The faders that are shown: a listener's own, or all.
function desk() {
  return last && mix.of(last) ? mix : faders;
}

function show(now) {
  // Nodes that came are metered too.
  const ends = (rig) => rig?.nodes.filter(({ kind }) => kind === "input" || kind === "output").map(({ name }) => name).join("\n");
  if (last && ends(last) !== ends(now)) rig.order("meter", { on: true });
  last = now;
  const { scenes } = now;
  const song = scenes.position ? scenes.songs[scenes.position[0] - 1] : null;
  find("song").textContent = song ? [song.name, song.note].filter(Boolean).join(" · ") : "";
  find("playing").textContent = scenes.playing ?? "No scene";
  transport.show(now);
  find("load").textContent = now.load ? `${Math.round(now.load.p99 * 100)} %` : "–";
  find("xruns").textContent = now.xruns;
  find("device").textContent = now.device.state === "playing" ? `${now.rate / 1000} kHz` : now.device.state;
  find("undo").disabled = !now.can_undo;
  find("mute").ariaPressed = String(now.muted);
  find("mute").textContent = now.muted ? "Muted" : "Mute";
  showScenes(scenes);
  mix.offer(now);
  if (view === "faders") {
    [find("faders").hidden, find("mix").hidden] = [desk() === mix, desk() === faders];
    desk().show(now);
  } else {
    find("mix").hidden = true;
  }
  if (view === "matrix") matrix.show(now);
  showTuned(now);
}

// Buttons stay what they are while only their looks change: a finger may be on one.
function buttons(place, items, press) {
  const known = [...place.children];
  if (known.length !== items.length || items.some(({ key }, at) => known[at].dataset.key !== key)) {
    place.replaceChildren(...items.map(({ key, title }, at) => {
      const button = element("button", {}, element("span", { textContent: title }), element("small"));
      button.dataset.key = key;
      button.addEventListener("click", () => press(at));
      return button;
    }));
  }
  items.forEach((item, at) => {
    const button = place.children[at];
    button.ariaCurrent = String(item.current);
    button.className = item.look ?? "";
    button.lastChild.textContent = item.note ?? "";
    button.lastChild.hidden = !item.note;
  });
}

function showScenes({ scenes, playing, awaited, is_modified, songs, position }) {
  const inSong = position ? songs[position[0] - 1].scenes : null;
  const shown = inSong ?? scenes.map(({ name }) => name);
  const items = shown.map((name, at) => {
    const scene = scenes.find((scene) => scene.name === name);
    const current = inSong ? position[1] === at + 1 && playing === name : playing === name;
    const look = [awaited === name && "awaited", current && is_modified && "modified"].filter(Boolean).join(" ");
    const note = scene.missing.length ? `missing: ${scene.missing.join(", ")}` : scene.note;
    return { key: `${at} ${name}`, title: name, note, current, look };
  });
  const list = find("scenes");
  if (items.length) {
    const press = (at) => {
      const position = last.scenes.position;
      const name = list.children[at].dataset.key.replace(/^\d+ /, "");
      if (position) rig.order("play_song", { song: position[0], scene: at + 1 });
      else rig.order("play_scene", { scene: name });
    };
    if (list.firstChild?.tagName === "P") list.replaceChildren();
    buttons(list, items, press);
  } else {
    list.replaceChildren(element("p", { textContent: "The rig has no scenes." }));
  }
  const all = { key: "all", title: "All", current: !position, look: "" };
  const titles = songs.map(({ name }, at) => ({ key: `${at} ${name}`, title: name, current: position?.[0] === at + 1 }));
  find("songs").hidden = !songs.length;
  buttons(find("songs"), [all, ...titles], (at) => {
    if (at === 0) rig.order("leave_scene");
    else rig.order("play_song", { song: at });
  });
}

function showTuned({ nodes, tuner_reference }) {
  const select = find("tuned");
  const names = nodes.filter(({ kind, audio_outputs }) => kind !== "output" && audio_outputs.length).map(({ name }) => name);
  if ([...select.options].map(({ value }) => value).join("\n") !== names.join("\n")) {
    const chosen = select.value;
    const first = nodes.find(({ kind, audio_outputs }) => kind === "input" && audio_outputs.length)?.name;
    select.replaceChildren(...names.map((name) => element("option", { value: name, textContent: name })));
    select.value = names.includes(chosen) ? chosen : first ?? names[0] ?? "";
  }
  const reference = find("reference");
  if (document.activeElement !== reference) reference.value = tuner_reference;
}

function showTuner(tuner) {
  const note = tuner?.note;
  const place = find("tuner");
  place.classList.toggle("hears", Boolean(note));
  place.classList.toggle("in-tune", Boolean(note) && Math.abs(note.cents) < IN_TUNE);
  find("note").textContent = note ? note.name.replace("#", "♯") : "–";
  const signed = note ? `${note.cents < 0 ? "−" : "+"}${Math.abs(note.cents).toFixed(1)} cents · ${note.frequency.toFixed(2)} Hz` : "";
  find("cents").textContent = signed;
  if (note) find("needle").style.transform = `translateX(${(note.cents / 50) * (find("tuner").clientWidth ? find("needle").parentElement.clientWidth / 2 : 0)}px)`;
}

function tune(on) {
  const node = find("tuned").value;
  rig.order("tune", on && node ? { on, node } : { on });
}

for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => {
    if (view === "tuner" && tab.dataset.view !== view) tune(false);
    view = tab.dataset.view;
    for (const other of document.querySelectorAll("[role=tab]")) {
      other.ariaSelected = String(other === tab);
      find(other.dataset.view).hidden = other !== tab;
    }
    if (last) show(last);
    if (view === "tuner") tune(true);
  });
}
find("tuned").addEventListener("change", () => tune(true));
find("reference").addEventListener("change", ({ target }) => rig.order("tuner_reference", { frequency: Number(target.value) }));
const mute = () => rig.order("mute", { on: !last?.muted });
find("mute").addEventListener("click", mute);
find("silent").addEventListener("click", mute);
find("panic").addEventListener("click", () => rig.order("panic"));
find("undo").addEventListener("click", () => rig.order("undo"));
find("previous").addEventListener("click", () => rig.order("previous_scene"));
find("next").addEventListener("click", () => rig.order("next_scene"));
find("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  enter(find("token").value.trim());
});

function enter(token) {
  rig = new Rig(token, hear);
}

// The token is not to stay where it is seen and kept: in the address.
const given = token || sessionStorage.getItem(KEPT);
if (location.hash) history.replaceState(null, "", location.pathname);
if (given) enter(given);
else find("entry").hidden = false;
