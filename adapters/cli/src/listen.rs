//! Where `sip serve` listens: addresses, and names of several addresses.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::str::FromStr;

/// A host and a port to listen on, as the command line has them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Listen {
    /// A name or an address; one of IPv6 without its brackets.
    host: String,
    port: u16,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "expected HOST:PORT, such as localhost:5080 or [::1]:5080".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
        let inner = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match inner {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains([':', '/', '[', ']', ' ']),
        };
        let port = port.parse().ok().filter(|_| is_host).ok_or_else(expected)?;
        let host = inner.unwrap_or(host).to_owned();
        Ok(Self { host, port })
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Listen {
    /// The host: a name, or an address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Listens on every address of the host, those of IPv4 first. If the port is 0, the system chooses one that all of them
    /// have. An address that this machine does not have is left out, as that of IPv6 is on a machine without IPv6.
    ///
    /// # Errors
    /// The name has no address, another program has the port, or no address belongs to this machine.
    pub(crate) fn bind(&self) -> io::Result<Vec<TcpListener>> {
        let mut addresses: Vec<SocketAddr> =
            (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        addresses.sort();
        addresses.dedup();
        let mut listeners: Vec<TcpListener> = Vec::with_capacity(addresses.len());
        let mut absent = None;
        for mut address in addresses {
            if let Some(first) = listeners.first() {
                address.set_port(first.local_addr()?.port());
            }
            match TcpListener::bind(address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if is_absent(error.kind()) => absent = Some(error),
                Err(error) => return Err(error),
            }
        }
        match (listeners.is_empty(), absent) {
            (false, _) => Ok(listeners),
            (true, Some(error)) => Err(error),
            (true, None) => Err(io::Error::new(
                ErrorKind::NotFound,
                "the name has no address",
            )),
        }
    }

    /// The URL for clients of a server that listens on `bound`. Every address of the machine includes the loopback one.
    pub(crate) fn url(&self, scheme: &str, bound: SocketAddr) -> String {
        let host = match bound.ip() {
            IpAddr::V4(address) if address.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(address) if address.is_unspecified() => "[::1]".to_owned(),
            _ if self.host.contains(':') => format!("[{}]", self.host),
            _ => self.host.clone(),
        };
        format!("{scheme}://{host}:{}", bound.port())
    }
}

/// Whether the machine does not have the address.
fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AddrNotAvailable | ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for (text, url) in [
            ("127.0.0.1:5080", "ws://127.0.0.1:7"),
            ("localhost:0", "ws://localhost:7"),
            ("[::1]:5080", "ws://[::1]:7"),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(listen.to_string(), text);
            let bound = SocketAddr::from(([127, 0, 0, 1], 7));
            assert_eq!(listen.url("ws", bound), url);
        }
        let every: Listen = "0.0.0.0:5080".parse().unwrap();
        let bound = SocketAddr::from(([0, 0, 0, 0], 5080));
        assert_eq!(every.url("ws", bound), "ws://127.0.0.1:5080");
        for text in [
            "",
            ":",
            ":5080",
            "localhost",
            "localhost:",
            "localhost:70000",
            "::1:5080",
            "[::1]",
            "[a]:1",
            "ws://localhost:5080",
            "a b:1",
        ] {
            assert!(text.parse::<Listen>().is_err(), "{text:?}");
        }
    }

    /// All addresses of a name get the same port.
    #[test]
    fn a_name_is_bound_at_each_of_its_addresses() {
        let listen: Listen = "localhost:0".parse().unwrap();
        let bound = listen.bind().unwrap();
        let addresses: Vec<SocketAddr> = bound
            .iter()
            .map(|listener| listener.local_addr().unwrap())
            .collect();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
        assert!(
            addresses
                .iter()
                .all(|address| address.port() == addresses[0].port())
        );
        let again = Listen {
            host: "localhost".to_owned(),
            port: addresses[0].port(),
        };
        assert_eq!(again.bind().unwrap_err().kind(), ErrorKind::AddrInUse);
    }
}
