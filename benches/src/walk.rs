//! A walk over all content of a message: every header line, every value, every parameter, the URIs inside.

use std::hint::black_box;

use sip_parse::{Contact, Message, NameAddr, Params, ParseError, Uri};

/// Reads every header line raw, checks the message, and reads every typed value of the kinds that calls,
/// registrations and subscriptions use. Returns how many values were read well.
pub fn walk(message: &Message) -> usize {
    let mut good = usize::from(message.validate().is_ok());
    for header in message.headers() {
        black_box(header.unfolded());
    }
    let mut rows = message.headers();
    // One look at each comma-separated value of the longest field is enough: looking from every row would be quadratic.
    if let Some(first) = rows.next() {
        good += message.values(first.name).map(black_box).count();
    }
    good += each(message.vias(), |via| {
        black_box((via.host(), via.received_ip(), via.rport(), via.ttl()));
        params(via.params());
    });
    for address in [message.from(), message.to()] {
        good += each([address], |address| name_addr(&address));
    }
    good += each([message.call_id()], keep);
    good += each([message.cseq()], keep);
    good += each([message.max_forwards()], keep);
    good += each(message.contacts(), |contact| {
        if let Contact::Addr(address) = contact {
            name_addr(&address);
        }
    });
    for list in [
        message.routes(),
        message.record_routes(),
        message.paths(),
        message.service_routes(),
    ] {
        good += each(list, |address| name_addr(&address));
    }
    for number in [
        message.expires(),
        message.min_expires(),
        message.flow_timer(),
        message.content_length(),
        message.rseq(),
        message.min_se(),
    ] {
        good += each([number], keep);
    }
    for address in [
        message.refer_to(),
        message.referred_by(),
        message.reply_to(),
    ] {
        good += each([address], |address| {
            if let Some(address) = address {
                name_addr(&address);
            }
        });
    }
    good += each([message.content_type()], keep);
    good += each([message.content_disposition()], keep);
    good += each(message.accept(), keep);
    good += each([message.event()], keep);
    good += each([message.subscription_state()], keep);
    good += each([message.retry_after()], keep);
    good += each([message.rack()], keep);
    good += each([message.replaces()], keep);
    good += each([message.join()], keep);
    good += each([message.session_expires()], keep);
    good += each(message.reason_headers(), keep);
    good += each(message.challenges(), |challenge| {
        black_box(challenge.params.iter().count());
    });
    good += each(message.credentials(), |credentials| {
        black_box(credentials.params.iter().count());
    });
    good += message.supported().count()
        + message.require().count()
        + message.proxy_require().count()
        + message.unsupported().count()
        + message.allow().count()
        + message.allow_events().count();
    if let Some(request) = message.as_request() {
        good += each([request.uri()], |address| uri(&address));
    }
    good
}

fn keep<T>(value: T) {
    black_box(value);
}

fn each<T>(
    values: impl IntoIterator<Item = Result<T, ParseError>>,
    mut read: impl FnMut(T),
) -> usize {
    let mut good = 0;
    for value in values.into_iter().flatten() {
        read(value);
        good += 1;
    }
    good
}

fn params(params: Params<'_>) {
    for pair in params {
        black_box(pair);
    }
}

fn uri(uri: &Uri<'_>) {
    black_box((uri.user_unescaped(), uri.host(), uri.port(), uri.is_lr()));
    params(uri.params());
    for header in uri.headers() {
        black_box(header);
    }
}

fn name_addr(address: &NameAddr<'_>) {
    black_box((address.display(), address.tag()));
    uri(address.uri());
    params(address.params());
}
