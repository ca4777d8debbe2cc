//! The table of an exchange (`offer.rs`).

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::event::DescriptionKind;
use crate::ids::ExchangeId;
use crate::session::offer::{Carrier, Ending, Exchange, OfferEffect, OfferEffects, OfferInput};
use crate::table_rows::read;

/// RFC 3264, RFC 6337: every state of an exchange with every input does what the table says.
#[test]
fn rfc3264_the_documented_table_is_the_offer_machine() {
    let mut rows = read(include_str!("../offer.rs"));
    let (old, next) = (ExchangeId::from_number(4), ExchangeId::from_number(5));
    let carriers = [
        ("INVITE", Carrier::Invite),
        ("2xx", Carrier::Success),
        ("1xx", Carrier::Provisional),
        ("PRACK", Carrier::Prack),
        ("UPDATE", Carrier::Update),
    ];
    let mut inputs = Vec::new();
    for (name, carrier) in carriers {
        inputs.push((
            format!("offer wanted in {name}"),
            OfferInput::Wanted(carrier),
        ));
        inputs.push((format!("offer came in {name}"), OfferInput::Came(carrier)));
    }
    for (name, input) in [
        ("described", OfferInput::Described),
        ("answer came", OfferInput::AnswerCame),
        ("acknowledged", OfferInput::Acknowledged),
        ("refused", OfferInput::Ended(Ending::Refused)),
        ("rolled back", OfferInput::Ended(Ending::RolledBack)),
        ("aborted", OfferInput::Ended(Ending::Aborted)),
    ] {
        inputs.push((name.into(), input));
    }
    let name = |offer: Exchange| match offer {
        Exchange::Idle => "Idle",
        Exchange::OfferAsked(..) => "OfferAsked",
        Exchange::OfferSent(..) => "OfferSent",
        Exchange::AnswerAsked(..) => "AnswerAsked",
        Exchange::AnswerSent(..) => "AnswerSent",
    };
    let kind_name = |kind| match kind {
        DescriptionKind::Offer => "offer",
        DescriptionKind::Answer => "answer",
    };
    let ending_name = |ending| match ending {
        Ending::Complete => "complete",
        Ending::Refused => "refused",
        Ending::RolledBack => "rolled back",
        Ending::Aborted => "aborted",
    };
    let mut cells = 0;
    for (carrier_name, carrier) in carriers {
        for state in [
            Exchange::Idle,
            Exchange::OfferAsked(old, carrier),
            Exchange::OfferSent(old, carrier),
            Exchange::AnswerAsked(old, carrier),
            Exchange::AnswerSent(old, carrier),
        ] {
            let names = [
                name(state).to_string(),
                format!("{} in {carrier_name}", name(state)),
            ];
            for (input_name, input) in &inputs {
                cells += 1;
                let mut effects = OfferEffects::new();
                let after = state.step(*input, next, &mut effects);
                let opened = if state == Exchange::Idle { next } else { old };
                let does: Vec<String> = effects
                    .iter()
                    .map(|effect| match *effect {
                        OfferEffect::Ask(id, kind) => {
                            assert_eq!(id, opened, "the number of the exchange");
                            format!("ask {}", kind_name(kind))
                        }
                        OfferEffect::Deliver(id, kind) => {
                            assert_eq!(id, opened, "the number of the exchange");
                            format!("deliver {}", kind_name(kind))
                        }
                        OfferEffect::End(id, ending) => {
                            assert_eq!(id, opened, "the number of the exchange");
                            format!("end {}", ending_name(ending))
                        }
                    })
                    .collect();
                let row = rows.iter_mut().find(|row| {
                    names.iter().any(|name| row.states.contains(name))
                        && row.inputs.contains(input_name)
                });
                match row {
                    Some(row) => {
                        row.used += 1;
                        let expected = (&row.does, row.next.as_str());
                        assert_eq!((&does, name(after)), expected, "{names:?} on {input_name}");
                    }
                    None => assert_eq!((does.len(), after), (0, state), "{names:?}, {input_name}"),
                }
            }
        }
    }
    assert_eq!(cells, 5 * 5 * 16);
    let unused: Vec<_> = rows.iter().filter(|row| row.used == 0).collect();
    let unused: Vec<_> = unused
        .iter()
        .map(|row| (&row.states, &row.inputs))
        .collect();
    assert!(unused.is_empty(), "no machine has {unused:?}");
}
