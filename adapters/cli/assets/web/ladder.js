// The ladder: a life line for the server and one for each user, and an arrow for each message, as the server sees them.

const SERVER = "server";
const ROWS = 500;

export class Ladder {
  #names = []; // the users, in the order in which they have come
  #rows = [];
  #element;

  // `order` has the users whose lines come first.
  constructor(element, order) {
    this.#element = element;
    this.order = order;
    this.list = element.querySelector("ol");
    this.scroll = element.querySelector(".scroll");
    element.querySelector("#clear").onclick = () => this.clear();
    element.querySelector("#calls-only").onchange = ({ target }) => this.list.classList.toggle("calls-only", target.checked);
    this.#draw();
  }

  // Draws the messages of the server as they come. The browser connects again by itself.
  follow(url) {
    const live = this.#element.querySelector("#live");
    const show = (state) => {
      live.dataset.state = live.textContent = state;
    };
    const events = new EventSource(url);
    events.onopen = () => show("live");
    events.onerror = () => show("reconnecting");
    events.onmessage = ({ data }) => this.add(JSON.parse(data));
  }

  add({ ms, user, received, label, text }) {
    const name = user ?? "unknown";
    const end = this.scroll.scrollHeight - this.scroll.clientHeight - this.scroll.scrollTop < 40;
    const row = { name, received, item: this.#item(ms, label, text, received) };
    this.#rows.push(row);
    this.list.append(row.item);
    if (this.#rows.length > ROWS) this.#rows.shift().item.remove();
    if (this.#names.includes(name)) {
      this.#place(row);
    } else {
      const rank = (user) => (this.order.indexOf(user) + this.order.length + 1) % (this.order.length + 1);
      this.#names = [...this.#names, name].sort((one, other) => rank(one) - rank(other));
      this.#draw();
    }
    if (end) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  clear() {
    this.list.replaceChildren();
    this.#rows = [];
    this.#names = [];
    this.#draw();
  }

  // The life lines: the first user, the server, the other users. None without messages.
  get #lines() {
    const [first, ...others] = this.#names;
    return first === undefined ? [] : [first, SERVER, ...others];
  }

  // Draws the lines anew, and places every arrow between two of them.
  #draw() {
    const lines = this.#lines;
    const at = (element, index) => element.style.setProperty("left", `${(100 * (index + 0.5)) / lines.length}%`);
    const names = lines.map((line, index) => {
      const name = document.createElement("span");
      name.textContent = line;
      at(name, index);
      return name;
    });
    const lanes = lines.map((_, index) => {
      const lane = document.createElement("span");
      at(lane, index);
      return lane;
    });
    this.#element.querySelector(".names").replaceChildren(...names);
    this.#element.querySelector(".lanes").replaceChildren(...lanes);
    this.#rows.forEach((row) => this.#place(row));
  }

  #place({ name, received, item }) {
    const lines = this.#lines;
    const [user, server] = [lines.indexOf(name), lines.indexOf(SERVER)];
    const [from, to] = received ? [user, server] : [server, user];
    const shaft = item.querySelector(".shaft");
    shaft.style.setProperty("left", `${(100 * (Math.min(from, to) + 0.5)) / lines.length}%`);
    shaft.style.setProperty("width", `${(100 * Math.abs(from - to)) / lines.length}%`);
    shaft.dataset.way = from < to ? "right" : "left";
    item.dataset.from = lines[from];
    item.dataset.to = lines[to];
  }

  #item(ms, label, text, received) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.ariaExpanded = "false";
    const time = document.createElement("time");
    time.textContent = (ms / 1000).toFixed(3);
    const track = document.createElement("span");
    track.className = "track";
    const shaft = document.createElement("span");
    shaft.className = "shaft";
    shaft.dataset.kind = kind(label);
    shaft.append(words(label));
    track.append(shaft);
    button.append(time, track);
    item.append(button);
    item.dataset.method = /^CSeq:\s*\d+\s+(\S+)/im.exec(text)?.[1] ?? "";
    item.dataset.label = label;
    button.title = received ? "the server received this message" : "the server sent this message";
    // The whole message is made when it is first wanted.
    button.onclick = () => {
      const open = button.ariaExpanded !== "true";
      button.ariaExpanded = String(open);
      if (!open) {
        item.querySelector("pre").remove();
        return;
      }
      const whole = document.createElement("pre");
      whole.tabIndex = 0;
      whole.textContent = text.replaceAll("\r\n", "\n").trimEnd();
      item.append(whole);
      item.scrollIntoView({ block: "nearest" });
    };
    return item;
  }
}

// The label in three parts, because its ends say most: INVITE sip:bob@localhost (SDP). The middle is the first to be cut.
function words(label) {
  const element = document.createElement("span");
  element.className = "label";
  const [, head, middle, tail] = /^(\S*)(.*?)( \(.*\))?$/s.exec(label);
  for (const part of [head, middle, tail ?? ""]) {
    const span = document.createElement("span");
    span.textContent = part;
    element.append(span);
  }
  return element;
}

// request, waiting (1xx), done (2xx), challenge (401 and 407) or refused.
function kind(label) {
  const status = /^[1-6]\d\d(?= )/.exec(label)?.[0];
  if (!status) return "request";
  if (["401", "407"].includes(status)) return "challenge";
  return { 1: "waiting", 2: "done" }[status[0]] ?? "refused";
}
