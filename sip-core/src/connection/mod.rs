//! The policy of the connection to the server: choice of the server, retries, keep-alive. It does no I/O:
//! time and randomness are arguments, and it returns steps for the host.

mod connector;
mod error;
mod keep_alive;
mod transport;

pub use connector::{Connector, PolicyError, ServerPolicy, Step, Steps};
pub use error::{ConnectError, DisconnectReason};
pub use keep_alive::{KeepAlive, KeepAliveInterval, KeepAliveStep};
pub use transport::{ConnectionInfo, Transport};

use core::time::Duration;

use rand_core::CryptoRng;

/// A uniform duration in `shortest..=longest`, to the microsecond; `shortest` if the range is empty.
fn between(rng: &mut dyn CryptoRng, shortest: Duration, longest: Duration) -> Duration {
    let span = micros(longest).saturating_sub(micros(shortest));
    Duration::from_micros(
        micros(shortest).saturating_add(crate::rand::below(rng, span.saturating_add(1))),
    )
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Generators whose numbers a test chooses.
#[cfg(test)]
mod chosen {
    use core::convert::Infallible;

    use rand_core::{TryCryptoRng, TryRng};

    /// Draws the smallest number of any range if 0, the largest if `u64::MAX`.
    pub(super) struct Constant(pub(super) u64);

    impl TryRng for Constant {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(self.0 as u32)
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(self.0)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
            bytes.fill(self.0 as u8);
            Ok(())
        }
    }

    impl TryCryptoRng for Constant {}
}
