//! The values that name a transaction and a dialog. [`Message::identify`] keeps where they stand; without it each call
//! reads its header field.

use crate::error::ParseError;
use crate::message::Message;

impl Message {
    /// The branch of the topmost Via, as `top_via()?.branch()` returns it.
    ///
    /// # Errors
    /// Those of [`Message::top_via`].
    #[inline]
    pub fn branch(&self) -> Result<Option<&[u8]>, ParseError> {
        match self.identified.branch.within(&self.bytes) {
            Some(branch) => Ok(branch),
            None => Ok(self.top_via()?.branch()),
        }
    }

    /// The sent-by of the topmost Via, `host[:port]` as received, as `top_via()?.sent_by()` returns it.
    ///
    /// # Errors
    /// Those of [`Message::top_via`].
    #[inline]
    pub fn top_sent_by(&self) -> Result<&[u8], ParseError> {
        match self.identified.sent_by.within(&self.bytes).flatten() {
            Some(sent_by) => Ok(sent_by),
            None => Ok(self.top_via()?.sent_by()),
        }
    }

    /// The tag of From, as `from()?.tag()` returns it.
    ///
    /// # Errors
    /// Those of [`Message::from`].
    #[inline]
    pub fn from_tag(&self) -> Result<Option<&[u8]>, ParseError> {
        match self.identified.from_tag.within(&self.bytes) {
            Some(tag) => Ok(tag),
            None => Ok(self.from()?.tag()),
        }
    }

    /// The tag of To, as `to()?.tag()` returns it.
    ///
    /// # Errors
    /// Those of [`Message::to`].
    #[inline]
    pub fn to_tag(&self) -> Result<Option<&[u8]>, ParseError> {
        match self.identified.to_tag.within(&self.bytes) {
            Some(tag) => Ok(tag),
            None => Ok(self.to()?.tag()),
        }
    }

    /// The number of CSeq, as `cseq()?.number` is.
    ///
    /// # Errors
    /// Those of [`Message::cseq`].
    #[inline]
    pub fn sequence(&self) -> Result<u32, ParseError> {
        match self.identified.sequence() {
            Some(number) => Ok(number),
            None => Ok(self.cseq()?.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use crate::limits::Limits;
    use crate::message::Message;
    use crate::needs::Role;

    type Spans<'a> = [Option<Option<&'a [u8]>>; 4];

    fn kept(message: &Message) -> (Spans<'_>, Option<u32>) {
        let kept = message.identified;
        let spans = [kept.branch, kept.sent_by, kept.from_tag, kept.to_tag];
        (
            spans.map(|span| span.within(message.head())),
            kept.sequence(),
        )
    }

    /// An identified message has read all five; a message that is refused keeps nothing.
    #[test]
    fn all_five_are_kept() {
        let lines = b"Via: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nContact: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\n";
        let message = |start: &[u8], cseq: &[u8]| {
            let bytes = [start, lines, b"CSeq: ", cseq, b" INVITE\r\n\r\n"].concat();
            Message::parse(Bytes::from(bytes), &Limits::DEFAULT).unwrap()
        };
        for start in [&b"INVITE sip:a@b SIP/2.0\r\n"[..], b"SIP/2.0 200 OK\r\n"] {
            let mut read = message(start, b"7");
            assert_eq!(kept(&read), ([None; 4], None));
            read.identify(Role::UserAgent).unwrap();
            let spans = [Some(&b"z9hG4bK1"[..]), Some(b"a"), Some(b"1"), None];
            assert_eq!(kept(&read), (spans.map(Some), Some(7)));
            let mut refused = message(start, b"x");
            refused.identify(Role::UserAgent).unwrap_err();
            assert_eq!(kept(&refused), ([None; 4], None));
        }
    }
}
