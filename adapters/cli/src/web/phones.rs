//! The phones of the page: whose they are, and the users that exist if the command line names none.

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

/// The users if the command line names none: two for the page and one for `sip answer`.
const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// The length of a generated password, in random bytes.
const PASSWORD: usize = 12;

/// Users with passwords that this process has made. The page has these passwords; it asks for others.
///
/// # Errors
/// The operating system has no entropy.
pub(crate) fn generated_users() -> Result<Vec<(String, String)>, getrandom::Error> {
    let user = |name: &str| {
        let mut bytes = [0; PASSWORD];
        getrandom::fill(&mut bytes)?;
        let password = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((name.to_owned(), password))
    };
    USERS.into_iter().map(user).collect()
}

/// What the page knows of its phones.
#[derive(Clone)]
pub(crate) struct Phones {
    /// The host on which the page listens, as the command line has it.
    pub(crate) name: String,
    /// The address on which the edge listens for WebSockets.
    pub(crate) edge: SocketAddr,
    /// The domain of the users.
    pub(crate) domain: String,
    /// The users: name and password. Two are for the page, and the third is for `sip answer`.
    pub(crate) users: Vec<(String, String)>,
    /// Whether this process has made the passwords.
    pub(crate) generated: bool,
}

impl Phones {
    /// The URL of the edge for a page that has come from `host`.
    pub(super) fn server(&self, host: &str) -> String {
        let port = self.edge.port();
        match self.edge.ip() {
            // Every address of the machine is one of the edge.
            address if address.is_unspecified() => format!("ws://{host}:{port}"),
            IpAddr::V4(address) => format!("ws://{address}:{port}"),
            IpAddr::V6(address) => format!("ws://[{address}]:{port}"),
        }
    }

    /// The document that the page reads.
    pub(super) fn document(&self, host: &str) -> Value {
        let phone = |index: usize| {
            let user = self.users.get(index);
            let password = user
                .filter(|_| self.generated)
                .map(|(_, password)| password);
            json!({ "user": user.map(|(name, _)| name), "password": password })
        };
        json!({
            "server": self.server(host),
            "domain": self.domain,
            "phones": [phone(0), phone(1)],
            "answering": self.users.get(2).map(|(name, _)| name),
            "command": self.command(&self.server(host)),
        })
    }

    /// The command line that answers calls as the third user.
    pub(crate) fn command(&self, server: &str) -> Option<String> {
        let (name, password) = self.users.get(2)?;
        // A shell could read another name or domain as something else.
        let plain = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        if !plain(name) || !plain(&self.domain) {
            return None;
        }
        let before = if self.generated {
            format!("SIP_PASSWORD={password} ")
        } else {
            String::new()
        };
        Some(format!(
            "{before}sip answer --server {server} --uri sip:{name}@{}",
            self.domain
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phones(edge: &str, users: &[&str], generated: bool) -> Phones {
        Phones {
            name: "localhost".to_owned(),
            edge: edge.parse().unwrap(),
            domain: "localhost".to_owned(),
            users: users
                .iter()
                .map(|name| ((*name).to_owned(), "secret".to_owned()))
                .collect(),
            generated,
        }
    }

    #[test]
    fn the_page_knows_generated_passwords_only() {
        let given = phones("127.0.0.1:5080", &["alice", "bob", "carol"], false);
        let document = given.document("localhost");
        assert!(!document.to_string().contains("secret"), "{document}");
        assert_eq!(
            document["phones"][1],
            json!({ "user": "bob", "password": null })
        );
        assert_eq!(
            document["command"],
            "sip answer --server ws://127.0.0.1:5080 --uri sip:carol@localhost"
        );
        let generated = phones("127.0.0.1:5080", &["alice"], true).document("localhost");
        assert_eq!(generated["phones"][0]["password"], "secret");
        assert_eq!(
            generated["phones"][1],
            json!({ "user": null, "password": null })
        );
        assert_eq!(generated["command"], Value::Null);
    }

    #[test]
    fn the_page_reaches_the_edge_where_it_listens() {
        for (edge, url) in [
            ("127.0.0.1:1", "ws://127.0.0.1:1"),
            ("[::1]:1", "ws://[::1]:1"),
            ("0.0.0.0:1", "ws://192.0.2.7:1"),
            ("[::]:1", "ws://192.0.2.7:1"),
        ] {
            assert_eq!(phones(edge, &[], false).server("192.0.2.7"), url);
        }
    }

    #[test]
    fn a_command_holds_nothing_that_a_shell_reads() {
        let odd = phones("127.0.0.1:1", &["a", "b", "c;reboot"], false);
        assert_eq!(odd.command("ws://127.0.0.1:1"), None);
    }

    #[test]
    fn passwords_are_new_each_time() {
        let (one, two) = (generated_users().unwrap(), generated_users().unwrap());
        assert_eq!(one.len(), USERS.len());
        for (one, two) in one.iter().zip(&two) {
            assert_eq!(one.0, two.0);
            assert_ne!(one.1, two.1);
            assert_eq!(one.1.len(), 2 * PASSWORD);
        }
    }
}
