//! Canned session descriptions, because these commands are about signalling and have no media.

use std::collections::BTreeMap;

use sip_blocking::Reply;
use sip_core::{Body, DescriptionKind, SessionId};
use sip_tokio::Describing;

/// One audio line as a browser writes it (RFC 8829), with a made-up fingerprint and no candidates: browsers
/// take it, and no media flows.
const AUDIO: &str = "\
s=-\r\n\
t=0 0\r\n\
a=group:BUNDLE 0\r\n\
a=msid-semantic: WMS\r\n\
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n\
c=IN IP4 0.0.0.0\r\n\
a=rtcp:9 IN IP4 0.0.0.0\r\n\
a=ice-ufrag:canned\r\n\
a=ice-pwd:cannedcannedcannedcanned\r\n\
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
a=mid:0\r\n\
a=sendrecv\r\n\
a=rtcp-mux\r\n\
a=rtpmap:111 opus/48000/2\r\n\
a=fmtp:111 minptime=10;useinbandfec=1\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:8 PCMA/8000\r\n";

/// Makes the same description for every call.
#[derive(Debug)]
pub(crate) struct Canned;

impl Canned {
    fn call(session: SessionId) -> CannedCall {
        CannedCall {
            session,
            version: 0,
        }
    }
}

impl sip_tokio::SessionDescriptionHandlerFactory for Canned {
    fn create(
        &self,
        session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn sip_tokio::SessionDescriptionHandler> {
        Box::new(Self::call(session))
    }
}

impl sip_blocking::SessionDescriptionHandlerFactory for Canned {
    fn create(
        &self,
        session: SessionId,
        _options: &BTreeMap<String, String>,
    ) -> Box<dyn sip_blocking::SessionDescriptionHandler> {
        Box::new(Self::call(session))
    }
}

struct CannedCall {
    session: SessionId,
    /// RFC 3264 section 8: the version in the origin line grows with each description.
    version: u32,
}

impl CannedCall {
    fn next(&mut self, kind: DescriptionKind) -> Body {
        self.version += 1;
        // RFC 8842 section 5: the offerer leaves the DTLS role open, the answerer takes one.
        let setup = match kind {
            DescriptionKind::Offer => "actpass",
            DescriptionKind::Answer => "active",
        };
        Body::sdp(format!(
            "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\n{AUDIO}a=setup:{setup}\r\na=ssrc:1 cname:canned\r\n",
            self.session.to_bits() + 1,
            self.version,
        ))
    }
}

impl sip_tokio::SessionDescriptionHandler for CannedCall {
    fn describe(&mut self, kind: DescriptionKind) -> Describing<Body> {
        Box::pin(std::future::ready(Ok(self.next(kind))))
    }

    fn accept(&mut self, _kind: DescriptionKind, _body: Body) -> Describing<()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn close(&mut self) {}
}

impl sip_blocking::SessionDescriptionHandler for CannedCall {
    fn describe(&mut self, kind: DescriptionKind, reply: Reply<Body>) {
        reply.give(Ok(self.next(kind)));
    }

    fn accept(&mut self, _kind: DescriptionKind, _body: Body, reply: Reply<()>) {
        reply.give(Ok(()));
    }

    fn close(&mut self) {}
}
