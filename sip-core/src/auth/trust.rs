//! Whose challenges are answered.
//!
//! A digest of the password lets the party that chose the nonce guess the password offline. The core therefore
//! answers its own servers, and a peer only where the application allows the realm. A realm is *own* if the
//! registrar has challenged a REGISTER with it, or if it is the domain of the account, a host in it, or the
//! realm of a configured hash.
//!
//! | request | within a dialog | anonymous | realm | challenge | answered |
//! |---|---|---|---|---|---|
//! | REGISTER | any | any | any | 401, 407 | yes |
//! | any | any | no | answered before under this Call-ID | 401, 407 | unless it is weaker than before |
//! | any | any | yes | answered before under this Call-ID | 407 | unless it is weaker than before |
//! | any | any | any | own | 407 | unless it is weaker than the registrar's |
//! | to the own domain | any | no | own | 401 | unless it is weaker than the registrar's |
//! | to the own domain | no | no | other, and no registrar has asked yet | 401, 407 | yes |
//! | any | any | no | listed by the application | 401, 407 | with qop and the algorithm for peers, or a stronger one |
//! | anything else | | | | | no |
//!
//! As long as the registrar has not challenged with an own realm, a challenge without qop is answered only to a
//! request outside a dialog and to the own domain, because a digest without a client nonce can be looked up in tables.

use alloc::boxed::Box;

use sip_parse::Method;
use smallvec::SmallVec;

use super::challenge::{Offer, Strength};
use super::policy::DigestPolicy;
use super::secret::Credentials;
use super::space::RequestContext;

/// The realms with which the own registrar has challenged, and the weakest challenge of each in one response.
#[derive(Clone, Default, Debug)]
pub(super) struct RegistrarRealms(SmallVec<[(Box<str>, Strength); 1]>);

impl RegistrarRealms {
    /// Takes the offers of a challenge to a REGISTER, which replace what the same realms offered before.
    pub(super) fn learn(&mut self, offers: &[Offer], most: usize) {
        for (place, offer) in offers.iter().enumerate() {
            let realm = &*offer.realm.value;
            let before = offers[..place].iter();
            let repeats = before
                .map(|offer| &*offer.realm.value)
                .any(|other| other == realm);
            match self.0.iter_mut().find(|(known, _)| **known == *realm) {
                Some((_, least)) if repeats => *least = least.weakest(offer.strength()),
                Some((_, least)) => *least = offer.strength(),
                None => {
                    if self.0.len() >= most {
                        self.0.remove(0);
                    }
                    self.0.push((realm.into(), offer.strength()));
                }
            }
        }
    }

    fn find(&self, realm: &str) -> Option<Strength> {
        let mut realms = self.0.iter();
        realms
            .find(|(known, _)| **known == *realm)
            .map(|(_, least)| *least)
    }
}

/// Whether a challenge may be answered; `before` is the strength of the challenge with the same realm that was
/// answered before under the Call-ID of the request.
pub(super) fn may_answer(
    policy: &DigestPolicy,
    registrar: &RegistrarRealms,
    request: &RequestContext<'_>,
    offer: &Offer,
    credentials: &Credentials,
    before: Option<Strength>,
) -> bool {
    if request.method == Method::Register {
        return true;
    }
    if request.anonymous && !offer.proxy {
        return false;
    }
    let realm = &*offer.realm.value;
    let strength = offer.strength();
    if before.is_some_and(|before| strength.reaches(before)) {
        return true;
    }
    let known = registrar.find(realm);
    let hashed = credentials.secret().realms().any(|hashed| hashed == realm);
    if known.is_some() || hashed || policy.is_own_realm(realm) {
        let least = known.unwrap_or(Strength {
            algorithm: 0,
            qop: request.within_dialog || !request.own_domain,
        });
        if strength.reaches(least) && (offer.proxy || request.own_domain) {
            return true;
        }
    } else if request.own_domain
        && !request.within_dialog
        && !request.anonymous
        && registrar.0.is_empty()
    {
        return true;
    }
    let least = Strength {
        algorithm: policy.weakest_of_peers.strength(),
        qop: true,
    };
    let listed = policy.peer_realms.iter().any(|listed| **listed == *realm);
    listed && !request.anonymous && strength.reaches(least)
}
