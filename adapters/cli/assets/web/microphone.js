// What a phone sends: the sound of the microphone, or silence where there is none or the user refuses it. A call needs neither.

let silent;

// A tone of no loudness, because a track without any source sends no packets. All calls share it, each by a track of its own.
function silence() {
  if (!silent) {
    const context = new AudioContext();
    const tone = new OscillatorNode(context);
    const end = new MediaStreamAudioDestinationNode(context);
    tone.connect(new GainNode(context, { gain: 0 })).connect(end);
    tone.start();
    [silent] = end.stream.getTracks();
  }
  return new MediaStream([silent.clone()]);
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
