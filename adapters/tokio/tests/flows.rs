//! Several flows (RFC 5626) over sockets.

mod common;

use sip_testing::sockets::flows;
use sip_tokio::{Agent, Options};
use tokio::runtime::Builder;

#[test]
fn rfc5626_4_2_servers_of_one_name_are_all_reached() {
    flows::servers_of_one_name_are_all_reached(|config| {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        let entered = runtime.enter();
        let agent = common::commanded(Agent::start(config.build().unwrap(), Options::default()));
        drop(entered);
        (agent, runtime)
    });
}
