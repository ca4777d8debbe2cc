//! Several flows (RFC 5626) over sockets.

mod common;

use sip_blocking::{Agent, Options};
use sip_testing::sockets::flows;

#[test]
fn rfc5626_4_2_servers_of_one_name_are_all_reached() {
    flows::servers_of_one_name_are_all_reached(|config| {
        common::commanded(Agent::start(config.build().unwrap(), Options::default()))
    });
}
