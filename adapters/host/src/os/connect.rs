//! The addresses of a server, and the meaning of the failures of its socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use sip_core::connection::ConnectError;

use crate::failure::Failure;

/// How long one address is tried alone before the next one starts beside it (RFC 8305 section 5).
pub const ADDRESS_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried at most.
pub const ADDRESS_LIMIT: usize = 16;

/// The addresses that a resolver has found in the order in which to try them: at most [`ADDRESS_LIMIT`], the
/// two families in turn.
///
/// # Errors
/// The resolver failed or found no address.
pub fn preferred(
    found: io::Result<impl IntoIterator<Item = SocketAddr>>,
) -> Result<Vec<SocketAddr>, Failure> {
    let found = found.map_err(|error| (ConnectError::Dns, error.to_string()))?;
    let addresses: Vec<SocketAddr> = found.into_iter().take(ADDRESS_LIMIT).collect();
    if addresses.is_empty() {
        return Err((ConnectError::Dns, "the name has no address".to_owned()));
    }
    Ok(alternate(addresses))
}

/// Sorts addresses so that the two families alternate; the family of the first one leads (RFC 8305 section 4).
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.drain(..), second.drain(..));
    loop {
        let pair = (first.next(), second.next());
        if pair == (None, None) {
            return ordered;
        }
        ordered.extend(pair.0);
        ordered.extend(pair.1);
    }
}

/// The failure for an error of the socket, before or below TLS.
///
/// An error that TLS raised through the socket is [`ConnectError::Tls`]. A connection that breaks during the
/// TLS handshake is not, because it says nothing about certificates.
#[must_use]
pub fn tcp_failure(error: &io::Error) -> Failure {
    #[cfg(feature = "tls")]
    let is_tls = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    #[cfg(not(feature = "tls"))]
    let is_tls = false;
    let kind = match error.kind() {
        _ if is_tls => ConnectError::Tls,
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::Timeout,
        _ => ConnectError::Other,
    };
    (kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8305_4_address_families_alternate() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "[::3]:1", "192.0.2.1:1"].map(parse);
        let expected = ["[::1]:1", "192.0.2.1:1", "[::2]:1", "[::3]:1"].map(parse);
        assert_eq!(alternate(given.to_vec()), expected);
        assert_eq!(alternate(Vec::new()), []);
    }

    #[test]
    fn a_name_without_addresses_is_a_failure_and_one_with_many_is_cut() {
        let none = preferred(Ok(Vec::new())).unwrap_err();
        assert_eq!(none.0, ConnectError::Dns);
        let many = (0..100).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(preferred(Ok(many)).unwrap().len(), ADDRESS_LIMIT);
    }
}
