//! Request methods (RFC 3261 section 7.1).

use core::fmt;

use crate::text::text;

macro_rules! methods {
    ($($variant:ident $text:literal $doc:literal;)*) => {
        /// A request method. Methods are case-sensitive tokens; any token is a legal method.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Method<'a> {
            $(#[doc = $doc] $variant,)*
            /// Any other token.
            Other(&'a [u8]),
        }

        impl<'a> Method<'a> {
            /// The method for `token`, which the caller has checked.
            #[inline]
            pub(crate) fn from_token(token: &'a [u8]) -> Self {
                $(if token == $text { return Method::$variant; })*
                Method::Other(token)
            }

            /// The bytes on the wire.
            pub fn as_bytes(&self) -> &'a [u8] {
                match self {
                    $(Method::$variant => $text,)*
                    Method::Other(token) => token,
                }
            }
        }
    };
}

methods! {
    Invite b"INVITE" "INVITE (RFC 3261 section 13).";
    Ack b"ACK" "ACK (RFC 3261 section 13).";
    Bye b"BYE" "BYE (RFC 3261 section 15).";
    Cancel b"CANCEL" "CANCEL (RFC 3261 section 9).";
    Options b"OPTIONS" "OPTIONS (RFC 3261 section 11).";
    Register b"REGISTER" "REGISTER (RFC 3261 section 10).";
    Message b"MESSAGE" "MESSAGE (RFC 3428).";
    Info b"INFO" "INFO (RFC 6086).";
    Prack b"PRACK" "PRACK (RFC 3262).";
    Update b"UPDATE" "UPDATE (RFC 3311).";
    Refer b"REFER" "REFER (RFC 3515).";
    Subscribe b"SUBSCRIBE" "SUBSCRIBE (RFC 6665).";
    Notify b"NOTIFY" "NOTIFY (RFC 6665).";
    Publish b"PUBLISH" "PUBLISH (RFC 3903).";
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&text(self.as_bytes()), f)
    }
}
