// The rig's end of the page: one socket, orders and answers, and what the rig tells. Knows nothing of what is shown.

const PATIENCE = 1500;

export class Rig {
  #socket = null;
  #last = 0;
  #asked = new Map();

  constructor(token, hear) {
    this.token = token;
    this.hear = hear;
    this.#connect();
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/socket?token=${encodeURIComponent(this.token)}`);
    let opened = false;
    this.#socket = socket;
    socket.addEventListener("open", () => {
      opened = true;
      this.hear.connected();
    });
    socket.addEventListener("message", (message) => this.#take(JSON.parse(message.data)));
    socket.addEventListener("close", () => {
      this.#asked.forEach(({ refuse }) => refuse(new Error("the rig is gone")));
      this.#asked.clear();
      this.hear.lost(opened);
      // Never let in: asking again and again would only be counted.
      if (opened) this.#again();
    });
  }

  #again() {
    setTimeout(() => this.#connect(), PATIENCE);
  }

  #take(message) {
    if (message.event) {
      this.hear[message.event]?.(message[message.event]);
      return;
    }
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (message.error !== undefined) {
      (asked?.refuse ?? this.hear.refused)(new Error(message.error));
    } else {
      asked?.done(message.result);
    }
  }

  // Has an order obeyed; gives what came of it.
  ask(command, args = {}) {
    return new Promise((done, refuse) => {
      if (this.#socket.readyState !== WebSocket.OPEN) {
        refuse(new Error("the rig is not reached"));
        return;
      }
      const id = ++this.#last;
      this.#asked.set(id, { done, refuse });
      this.#socket.send(JSON.stringify({ id, command, arguments: args }));
    });
  }

  // Has an order obeyed; what goes wrong is shown.
  order(command, args = {}) {
    this.ask(command, args).catch((error) => this.hear.refused(error));
  }
}
