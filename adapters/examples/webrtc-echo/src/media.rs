//! The media of one call: WebRTC by str0m (ICE-lite, DTLS-SRTP), which sends back what it receives.
//!
//! [`EchoFactory`] makes an [`Echo`] for each call. The `Echo` takes the offers of the browser and gives the answers; a task of its own
//! has the socket. The task ends when the call does, or when the browser is gone; then it says so, and the program hangs up.

use std::collections::BTreeMap;
use std::error::Error;
use std::net::IpAddr;
use std::time::Instant;

use sip_tokio::core::{Body, DescriptionKind, SessionId};
use sip_tokio::{
    Describing, DescriptionError, SessionDescriptionHandler, SessionDescriptionHandlerFactory,
};
use str0m::change::SdpOffer;
use str0m::media::Media;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep_until;

/// Makes the media of each call.
pub struct EchoFactory {
    /// The address that browsers reach, for the sockets of the calls.
    pub address: IpAddr,
    /// Takes the call whose media have ended before it.
    pub media_ended: mpsc::Sender<SessionId>,
}

impl SessionDescriptionHandlerFactory for EchoFactory {
    fn create(
        &self,
        session: SessionId,
        _: &BTreeMap<String, String>,
    ) -> Box<dyn SessionDescriptionHandler> {
        // One exchange at a time is open in a call (RFC 3264), so one place in the queue is enough.
        let (offers, queue) = mpsc::channel(1);
        let (address, media_ended) = (self.address, self.media_ended.clone());
        tokio::spawn(async move {
            if let Err(error) = carry(address, queue).await {
                eprintln!("media of {session:?}: {error}");
            }
            // An error means that the program ends, and the call with it.
            let _ = media_ended.send(session).await;
        });
        Box::new(Echo {
            offers: Some(offers),
            answer: None,
        })
    }
}

/// An offer on its way to the task, and where the answer goes.
type Exchange = (SdpOffer, oneshot::Sender<Result<String, String>>);

/// The handler of one call.
struct Echo {
    /// None once the call has ended: this ends the task.
    offers: Option<mpsc::Sender<Exchange>>,
    answer: Option<oneshot::Receiver<Result<String, String>>>,
}

impl SessionDescriptionHandler for Echo {
    /// The offer of the browser: the first one, or a later one that holds, resumes, or restarts ICE.
    fn accept(&mut self, kind: DescriptionKind, body: Body) -> Describing<()> {
        let accepted = self.take_offer(kind, &body);
        Box::pin(async move { accepted.map_err(DescriptionError) })
    }

    /// The answer. Hold needs nothing here, because str0m mirrors the direction, and this side never holds.
    fn describe(&mut self, _: DescriptionKind, _hold: bool) -> Describing<Body> {
        let answer = self.answer.take();
        Box::pin(async move {
            let answer = answer.ok_or("this program answers offers and makes none".to_owned());
            let answer = match answer {
                Ok(answer) => answer
                    .await
                    .unwrap_or_else(|_| Err("the media have ended".to_owned())),
                Err(why) => Err(why),
            };
            answer.map(Body::sdp).map_err(DescriptionError)
        })
    }

    fn close(&mut self) {
        self.offers = None;
    }
}

impl Echo {
    fn take_offer(&mut self, kind: DescriptionKind, body: &Body) -> Result<(), String> {
        let (DescriptionKind::Offer, Some(offers)) = (kind, &self.offers) else {
            return Err("this program makes no offer that could be answered".to_owned());
        };
        let text = str::from_utf8(&body.bytes).map_err(|error| error.to_string())?;
        let offer = SdpOffer::from_sdp_string(text).map_err(|error| error.to_string())?;
        let (reply, answer) = oneshot::channel();
        offers
            .try_send((offer, reply))
            .map_err(|error| error.to_string())?;
        self.answer = Some(answer);
        Ok(())
    }
}

/// Carries the media of one call, until the call ends or the browser is gone. str0m has no socket and no clock: this loop is both.
async fn carry(
    address: IpAddr,
    mut offers: mpsc::Receiver<Exchange>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let socket = UdpSocket::bind((address, 0)).await?;
    let local = socket.local_addr()?;
    // ICE-lite (RFC 8445 section 2.5), because this side has one address that the browser reaches: the browser does the checks.
    let config = Rtc::builder().set_ice_lite(true).clear_codecs();
    let mut rtc = config.enable_opus(true, false).build(Instant::now());
    // Before the first answer, so that the answer has every candidate: SIP.js and JsSIP send no later ones.
    rtc.add_local_candidate(Candidate::host(local, "udp")?);
    let mut datagram = vec![0; 2_000];
    while rtc.is_alive() {
        let deadline = loop {
            match rtc.poll_output()? {
                Output::Timeout(deadline) => break deadline,
                Output::Transmit(packet) => {
                    socket.send_to(&packet.contents, packet.destination).await?;
                }
                Output::Event(Event::IceConnectionStateChange(
                    IceConnectionState::Disconnected,
                )) => return Ok(()),
                Output::Event(event) => echo(&mut rtc, event)?,
            }
        };
        tokio::select! {
            received = socket.recv_from(&mut datagram) => {
                let (size, source) = received?;
                // What is neither STUN, DTLS nor SRTP, or belongs to no negotiated stream, is dropped.
                if let Ok(packet) = Receive::new(Protocol::Udp, source, local, &datagram[..size]) {
                    let input = Input::Receive(Instant::now(), packet);
                    if rtc.accepts(&input) {
                        rtc.handle_input(input)?;
                    }
                }
            }
            () = sleep_until(deadline.into()) => rtc.handle_input(Input::Timeout(Instant::now()))?,
            exchange = offers.recv() => {
                let Some((offer, reply)) = exchange else { return Ok(()) };
                let answer = rtc.sdp_api().accept_offer(offer);
                // An error means that the exchange has ended meanwhile.
                let _ = reply.send(answer.map(|answer| answer.to_sdp_string()).map_err(|error| error.to_string()));
            }
        }
    }
    Ok(())
}

/// Sends audio back as it came.
fn echo(rtc: &mut Rtc, event: Event) -> Result<(), str0m::RtcError> {
    let Event::MediaData(audio) = event else {
        return Ok(());
    };
    // A browser that holds the call takes no audio (RFC 3264 section 8.4), and str0m leaves this to its caller.
    let sends = |media: &Media| media.direction().is_sending();
    if !rtc.media(audio.mid).is_some_and(sends) {
        return Ok(());
    }
    let Some(writer) = rtc.writer(audio.mid) else {
        return Ok(());
    };
    let Some(payload_type) = writer.match_params(audio.params) else {
        return Ok(());
    };
    writer.write(payload_type, audio.network_time, audio.time, audio.data)
}
