//! Refusals of credentials that were accepted before.

use super::*;

/// RFC 7616 section 3.3: credentials that the realm has accepted are doubtful, not wrong, if it refuses them with another nonce; after
/// eight such requests they are wrong, and with the same nonce, or once the password has changed, at once.
#[test]
fn rfc7616_3_3_accepted_credentials_get_the_benefit_of_the_doubt() {
    let row = |nonce: usize| www(&format!("realm=\"w\", nonce=\"{nonce}\", qop=\"auth\""));
    let accepted = || {
        let mut agent = Agent::new();
        agent.answer("realm=\"w\", nonce=\"0\", qop=\"auth\"");
        agent.client.accepted(&agent.attempts);
        agent
    };
    let refused = |agent: &mut Agent, first: usize, second: usize| {
        agent.attempts = Attempts::new();
        agent.challenged(401, &[&row(first)]).unwrap();
        agent.retry();
        agent.challenged(401, &[&row(second)])
    };
    let mut agent = accepted();
    for round in 1..=DOUBTS.into() {
        let result = refused(&mut agent, round * 2, round * 2 + 1);
        assert_eq!(result, Err(unsettled("w")), "{round}");
    }
    assert_eq!(refused(&mut agent, 100, 101), Err(rejected("w")));
    assert_eq!(refused(&mut accepted(), 5, 5), Err(rejected("w")));
    let mut agent = accepted();
    agent.client.forget();
    assert_eq!(refused(&mut agent, 5, 6), Err(rejected("w")));
}
