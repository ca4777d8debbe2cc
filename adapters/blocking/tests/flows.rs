//! Several flows (RFC 5626) over sockets.

#[path = "../../host/tests/support/flows.rs"]
mod flows;
#[path = "../../host/tests/support/registrar.rs"]
mod registrar;

use sip_blocking::{Agent, Options};

#[test]
fn rfc5626_4_2_servers_of_one_name_are_all_reached() {
    flows::servers_of_one_name_are_all_reached(|config| {
        Agent::start(config.build().unwrap(), Options::default()).unwrap()
    });
}
