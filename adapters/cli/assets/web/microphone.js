// What a phone sends: the sound of the microphone, or silence where there is none or the user refuses it. A call needs neither.

let context;

// A tone of no loudness, because a stream without any source sends no packets.
function silence() {
  context ??= new AudioContext();
  const tone = new OscillatorNode(context);
  const mute = new GainNode(context, { gain: 0 });
  const end = new MediaStreamAudioDestinationNode(context);
  tone.connect(mute).connect(end);
  tone.start();
  return end.stream;
}

const REASONS = { NotFoundError: "no microphone", NotAllowedError: "the microphone is not allowed" };

// The stream, and why it is silent if it is.
export async function microphone() {
  try {
    // Browsers give a page on localhost or over TLS a microphone; elsewhere there is no `mediaDevices`.
    return { stream: await navigator.mediaDevices.getUserMedia({ audio: true }), silent: "" };
  } catch (error) {
    const reason = window.isSecureContext ? (REASONS[error.name] ?? error.message) : "no microphone, because the page is neither on localhost nor over TLS";
    return { stream: silence(), silent: `${reason}: silence is sent` };
  }
}
