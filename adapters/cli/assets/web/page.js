// The page: two phones from the template, and the ladder. Everything of SIP is in phone.js.

import { Ladder } from "./ladder.js";
import { Phone } from "./phone.js";

const panels = [];

function trouble(text) {
  const element = document.querySelector("#trouble");
  element.textContent = text;
  element.hidden = false;
}

// A phone and its part of the page.
class Panel {
  constructor(account, settings) {
    this.settings = settings;
    const copy = document.querySelector("#phone").content.cloneNode(true);
    this.element = copy.querySelector(".phone");
    document.querySelector("#phones").append(copy);
    this.find(".dial").onsubmit = (event) => this.#submit(event, () => this.phone?.dial(this.#target()));
    this.find(".text").onsubmit = (event) => this.#submit(event, (form) => this.#write(form.text));
    this.find(".account").onsubmit = (event) => this.#submit(event, (form) => this.start(form.user.value.trim(), form.password.value));
    this.find(".answer").onclick = () => this.phone.answer();
    this.find(".hold").onclick = () => this.phone.hold();
    this.find(".hang-up").onclick = () => this.phone.hangUp();
    this.find(".listen").onclick = () => {
      const audio = this.find("audio");
      audio.muted = !audio.muted;
      this.show();
    };
    if (account.password !== null) {
      this.start(account.user, account.password);
    } else {
      this.#name(account.user ?? "");
      this.#ask();
    }
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  async start(user, password) {
    await this.phone?.stop();
    const { server, domain } = this.settings;
    this.#name(user);
    this.phone = new Phone({ server, domain, user, password, changed: () => this.show() });
    offer();
    await this.phone.start();
  }

  // The users that this phone may call, each a button.
  offer(users) {
    const others = users.filter((user) => user !== this.user);
    const buttons = others.map((user) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = user;
      button.onclick = () => {
        this.find(".dial").elements.target.value = user;
      };
      return button;
    });
    this.find(".targets").replaceChildren(...buttons);
    const { target } = this.find(".dial").elements;
    if (!target.value || target.value === this.user) target.value = others[0] ?? "";
  }

  // Shows what the phone knows.
  show() {
    const { registration, call, texts, silent } = this.phone;
    const state = this.find(".registration");
    state.dataset.state = registration.state;
    state.textContent = registration.sentence;
    if (registration.state === "failed") this.#ask();
    if (registration.state === "registered") this.find(".account").hidden = true;
    const busy = this.phone.isBusy();
    this.find(".state").dataset.state = call.state;
    this.find(".sentence").textContent = call.state === "up" ? this.#upSentence(call) : call.sentence;
    this.find(".sound").textContent = busy ? [call.sound, call.state === "up" && silent].filter(Boolean).join("; ") : "";
    const registered = registration.state === "registered";
    this.find(".call").disabled = busy || !registered;
    this.find(".send").disabled = !registered;
    this.find(".answer").hidden = call.state !== "incoming";
    this.find(".hold").hidden = this.find(".listen").hidden = call.state !== "up";
    this.find(".hold").textContent = call.held ? "Resume" : "Hold";
    this.find(".hang-up").hidden = !busy;
    this.find(".hang-up").textContent = { up: "Hang up", incoming: "Decline" }[call.state] ?? "Cancel";
    const audio = this.find("audio");
    this.find(".listen").ariaPressed = String(!audio.muted);
    const stream = (busy && call.stream) || null;
    if (audio.srcObject !== stream) audio.srcObject = stream;
    this.#showTexts(texts);
  }

  #upSentence({ sentence, since, held, isHeld }) {
    const seconds = Math.floor((Date.now() - since) / 1000);
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    return `${sentence}, ${time}${held ? ", on hold" : ""}${isHeld ? ", held by the other side" : ""}`;
  }

  #showTexts(texts) {
    if (texts === this.texts) return;
    this.texts = texts;
    const list = this.find(".texts");
    const items = texts.map(({ from, text, fate }) => {
      const item = document.createElement("li");
      const [who, what, note] = ["b", "span", "small"].map((name) => document.createElement(name));
      who.textContent = from;
      what.textContent = text;
      note.textContent = fate;
      item.className = from === this.phone.user ? "own" : "theirs";
      item.append(who, what, note);
      return item;
    });
    list.replaceChildren(...items);
    list.scrollTop = list.scrollHeight;
  }

  #name(user) {
    this.user = user;
    this.find(".user").textContent = user || "phone";
    this.find(".account").elements.user.value = user;
  }

  #ask() {
    this.find(".account").hidden = false;
  }

  #target() {
    return this.find(".dial").elements.target.value.trim();
  }

  #write(field) {
    if (!this.phone) return;
    this.phone.write(this.#target(), field.value);
    field.value = "";
  }

  #submit(event, act) {
    event.preventDefault();
    act(event.target.elements);
  }
}

// Shows every phone whom it may call.
function offer() {
  const users = panels.map(({ user }) => user);
  const all = [...new Set([...users, ...known])].filter(Boolean);
  panels.forEach((panel) => panel.offer(all));
}

let known = [];

async function start() {
  const settings = await (await fetch("/phones.json")).json();
  document.querySelector("#server").textContent = settings.server;
  known = [...settings.phones.map(({ user }) => user), settings.answering];
  new Ladder(document.querySelector("#ladder"), known).follow("/ladder");
  for (const account of settings.phones) panels.push(new Panel(account, settings));
  offer();
  if (settings.command) {
    const hint = document.querySelector("#answering");
    hint.querySelector("code").textContent = settings.command;
    hint.querySelector("b").textContent = settings.answering;
    hint.querySelector("button").onclick = async ({ target }) => {
      await navigator.clipboard.writeText(settings.command);
      target.textContent = "Copied";
    };
    hint.hidden = false;
  }
}

start().catch((error) => trouble(`The page cannot start: ${error.message}`));
