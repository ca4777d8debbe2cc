//! Request methods (RFC 3261 section 7.1).

use core::fmt;

use crate::text::text;

macro_rules! methods {
    ($($variant:ident $name:literal $doc:literal;)*) => {
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
                $(if token == $name.as_bytes() { return Method::$variant; })*
                Method::Other(token)
            }

            /// The name of a method that this crate knows; `None` for any other token.
            pub fn name(&self) -> Option<&'static str> {
                match self {
                    $(Method::$variant => Some($name),)*
                    Method::Other(_) => None,
                }
            }

            /// The bytes on the wire.
            pub fn as_bytes(&self) -> &'a [u8] {
                match self {
                    $(Method::$variant => $name.as_bytes(),)*
                    Method::Other(token) => token,
                }
            }
        }
    };
}

methods! {
    Invite "INVITE" "INVITE (RFC 3261 section 13).";
    Ack "ACK" "ACK (RFC 3261 section 13).";
    Bye "BYE" "BYE (RFC 3261 section 15).";
    Cancel "CANCEL" "CANCEL (RFC 3261 section 9).";
    Options "OPTIONS" "OPTIONS (RFC 3261 section 11).";
    Register "REGISTER" "REGISTER (RFC 3261 section 10).";
    Message "MESSAGE" "MESSAGE (RFC 3428).";
    Info "INFO" "INFO (RFC 6086).";
    Prack "PRACK" "PRACK (RFC 3262).";
    Update "UPDATE" "UPDATE (RFC 3311).";
    Refer "REFER" "REFER (RFC 3515).";
    Subscribe "SUBSCRIBE" "SUBSCRIBE (RFC 6665).";
    Notify "NOTIFY" "NOTIFY (RFC 6665).";
    Publish "PUBLISH" "PUBLISH (RFC 3903).";
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&text(self.as_bytes()), f)
    }
}
