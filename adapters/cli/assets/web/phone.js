// One account and one call at a time, over SIP.js. A phone knows nothing of the page: it calls `changed` when something about
// it is new, and the page reads `registration`, `call` and `texts`.

import { Inviter, Messager, Registerer, RegistererState, SessionState, UserAgent, Web } from "./sip.js";
import { microphone } from "./microphone.js";

const RECONNECT = 2000; // milliseconds
const WATCH = 1000; // milliseconds between two looks at the sound of a call
const PATIENCE = 3000; // milliseconds until a call without a path for sound counts as one without sound
const TEXTS = 50; // how many text messages are kept
const MEDIA = { constraints: { audio: true, video: false }, iceGatheringTimeout: 500 };

export class Phone {
  // Where it stands: off, connecting, registered or failed, and a sentence.
  registration = { state: "off", sentence: "off" };
  // The call, or the last one: idle, calling, ringing, incoming, up or over.
  call = { state: "idle", sentence: "no call" };
  // Text messages: who wrote, what, and whether it has arrived. A change makes another array.
  texts = [];
  silent = "";

  constructor({ server, domain, user, password, changed }) {
    this.user = user;
    this.domain = domain;
    this.changed = changed;
    this.agent = new UserAgent({
      uri: this.address(user),
      authorizationUsername: user,
      authorizationPassword: password,
      transportOptions: { server },
      contactParams: { transport: "ws" },
      logBuiltinEnabled: false,
      // No ICE servers: both ends are on this machine or in its network, and the page sends nothing elsewhere.
      sessionDescriptionHandlerFactory: Web.defaultSessionDescriptionHandlerFactory(() => this.#sound()),
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      delegate: {
        onConnect: () => this.#register(),
        onDisconnect: (error) => error && this.#reconnect(),
        onInvite: (invitation) => this.#invited(invitation),
        onMessage: (message) => {
          this.#text(message.request.from.uri.user, message.request.body, "");
          message.accept();
        },
      },
    });
    this.registerer = new Registerer(this.agent);
    this.registerer.stateChange.addListener((state) => {
      if (state === RegistererState.Registered) this.#registration("registered", "registered");
      if (state === RegistererState.Unregistered && this.registration.state === "registered") this.#registration("off", "not registered");
    });
  }

  // The URI of a user of the domain; a URI stays as it is. Undefined if it cannot be read.
  address(target) {
    const whole = /^sips?:/i.test(target) ? target : `sip:${encodeURIComponent(target)}@${this.domain}`;
    return UserAgent.makeURI(whole);
  }

  async start() {
    this.#registration("connecting", "connecting");
    await this.agent.start().catch(() => this.#reconnect());
  }

  // Unregisters and closes the connection.
  async stop() {
    this.stopped = true;
    await this.agent.stop().catch(() => {});
  }

  async dial(target) {
    const address = this.address(target);
    if (!address || this.isBusy()) return;
    const inviter = new Inviter(this.agent, address, { sessionDescriptionHandlerOptions: MEDIA });
    const call = this.#follow(inviter, address.user, "calling", `calling ${address.user}`);
    // SIP.js ends the session first and reports the response then.
    const refused = ({ message }) => {
      call.why ||= `${message.statusCode} ${message.reasonPhrase}`;
      if (call.state === "over") this.#over(call);
    };
    const rings = ({ message }) => {
      if (message.statusCode > 100) this.#call("ringing", `${address.user} rings`);
    };
    await inviter.invite({ requestDelegate: { onProgress: rings, onReject: refused } }).catch((error) => this.#failed(error));
  }

  async answer() {
    const { session } = this.call;
    await session.accept({ sessionDescriptionHandlerOptions: MEDIA }).catch((error) => this.#failed(error));
  }

  // Cancels, declines or ends the call.
  async hangUp() {
    const { session } = this.call;
    this.call.why = "hung up here";
    const end = { [SessionState.Established]: "bye" }[session.state] ?? (session instanceof Inviter ? "cancel" : "reject");
    await session[end]().catch((error) => this.#failed(error));
  }

  // Holds the call, or ends the hold: a re-INVITE with another direction (RFC 3264 section 8.4).
  async hold() {
    const { session, held } = this.call;
    session.sessionDescriptionHandlerOptionsReInvite = { ...MEDIA, hold: !held };
    const accepted = () => {
      this.call.held = !held;
      this.changed();
    };
    await session.invite({ requestDelegate: { onAccept: accepted } }).catch((error) => this.#failed(error));
  }

  async write(target, text) {
    const address = this.address(target);
    if (!address) return;
    const entry = this.#text(this.user, text, `to ${address.user}: sending`);
    const settle = (word) => ({ message }) => {
      entry.fate = `to ${address.user}: ${word}${message.statusCode} ${message.reasonPhrase}`;
      this.texts = [...this.texts];
      this.changed();
    };
    const message = new Messager(this.agent, address, text);
    await message.message({ requestDelegate: { onAccept: settle(""), onReject: settle("not delivered, ") } });
  }

  isBusy() {
    return !["idle", "over"].includes(this.call.state);
  }

  #registration(state, sentence) {
    this.registration = { state, sentence };
    this.changed();
  }

  #register() {
    const refused = ({ message }) => {
      this.#registration("failed", `refused: ${message.statusCode} ${message.reasonPhrase}`);
    };
    this.registerer.register({ requestDelegate: { onReject: refused } }).catch((error) => this.#registration("failed", error.message));
  }

  #reconnect() {
    if (this.stopped) return;
    this.#registration("connecting", "no connection, trying again");
    setTimeout(() => this.stopped || this.agent.reconnect().catch(() => this.#reconnect()), RECONNECT);
  }

  async #sound() {
    const { stream, silent } = await microphone();
    this.silent = silent;
    this.changed();
    return stream;
  }

  #invited(invitation) {
    if (this.isBusy()) {
      invitation.reject({ statusCode: 486 });
      return;
    }
    const { user } = invitation.remoteIdentity.uri;
    this.#follow(invitation, user, "incoming", `${user} calls`);
  }

  #follow(session, peer, state, sentence) {
    const call = { session, peer, state, sentence, why: "", held: false, sound: "" };
    this.call = call;
    session.stateChange.addListener((now) => {
      if (now === SessionState.Established) {
        call.since = Date.now();
        this.#call("up", `in a call with ${peer}`);
        this.#watch(call);
      }
      if (now === SessionState.Terminated) {
        clearInterval(call.watch);
        this.#over(call);
      }
    });
    session.delegate = {
      onCancel: () => {
        call.why = `${peer} gave up`;
      },
    };
    this.changed();
    return call;
  }

  #over(call) {
    call.state = "over";
    call.sentence = `call with ${call.peer} ended: ${call.why || `${call.peer} hung up`}`;
    this.changed();
  }

  #call(state, sentence) {
    Object.assign(this.call, { state, sentence });
    this.changed();
  }

  #failed(error) {
    this.call.why ||= error.message;
    this.changed();
  }

  #text(from, text, fate) {
    const entry = { from, text, fate };
    this.texts = [...this.texts, entry].slice(-TEXTS);
    this.changed();
    return entry;
  }

  // Looks at what the call carries, because a signalling agent such as `sip answer` sends no sound.
  #watch(call) {
    const look = async () => {
      const connection = call.session.sessionDescriptionHandler?.peerConnection;
      if (!connection || call.state !== "up") return;
      const stats = [...(await connection.getStats()).values()];
      const bytes = stats.find(({ type }) => type === "inbound-rtp")?.bytesReceived ?? 0;
      if (connection.connectionState === "connected") {
        call.sound = `${Math.ceil(bytes / 1000)} kB of sound received`;
      } else if (Date.now() - call.since > PATIENCE) {
        call.sound = "signalling only: the other end has no sound";
      }
      call.isHeld = ["recvonly", "inactive"].includes(connection.getTransceivers()[0]?.currentDirection) && !call.held;
      call.stream = call.session.sessionDescriptionHandler.remoteMediaStream;
      this.changed();
    };
    call.watch = setInterval(look, WATCH);
  }
}
