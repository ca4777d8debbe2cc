//! Translates the configuration into the settings of each part below.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use rand_core::CryptoRng;
use sip_parse::UriBuf;

use crate::auth::{Credentials, UsernameError};
use crate::config::{Authentication, Config, IpInContact, OfflineRequests};
use crate::connection::ServerPolicy;
use crate::endpoint::{Behaviour, EndpointSettings, Extensions};
use crate::limits::Limits;
use crate::rand::{below, token};
use crate::transaction::TimerSettings;

/// The option tags that the core honours, without those of `extraSupported`.
const SUPPORTED: [&str; 5] = ["outbound", "gruu", "timer", "norefersub", "nosub"];

/// The option tag of RFC 3959.
const EARLY_SESSION: &str = "early-session";

/// Whether `extraSupported` lists an option tag.
fn lists(config: &Config, tag: &str) -> bool {
    let mut tags = config.extra_supported().iter();
    tags.any(|known| known.eq_ignore_ascii_case(tag))
}

/// The settings of the endpoint. Draws at random what the configuration leaves out.
pub(super) fn settings(
    config: &Config,
    limits: Limits,
    timers: TimerSettings,
    rng: &mut dyn CryptoRng,
) -> Result<EndpointSettings, UsernameError> {
    let aor = config.uri().cloned().unwrap_or_else(|| anonymous(rng));
    let transport = if config.hack_wss_in_transport() {
        "wss"
    } else {
        config.contact_transport()
    };
    let supported = SUPPORTED.into_iter().map(Into::into);
    let known = |tag: &str| SUPPORTED.iter().any(|own| own.eq_ignore_ascii_case(tag));
    let extra = config.extra_supported().iter();
    let extra = extra
        .filter(|tag| !known(tag))
        .map(|tag| tag.as_str().into());
    let mut settings = EndpointSettings::new(aor);
    let identity = &mut settings.identity;
    identity.registrar = config.registrar_server().cloned();
    identity.contact_user = config.contact_name().map(Into::into);
    identity.host = match config.hack_ip_in_contact() {
        IpInContact::No => None,
        IpInContact::Random => Some(format!("192.0.2.{}", 1 + below(rng, 254)).into()),
        IpInContact::Host(host) => Some(host.as_str().into()),
    };
    identity.contact_transport = Some(transport.into());
    identity.instance = config.instance_id().map(Into::into);
    let early = config.early_session().then(|| EARLY_SESSION.into());
    let early = early.filter(|_| !lists(config, EARLY_SESSION));
    identity.supported = supported
        .chain(extra)
        .chain(early)
        .collect::<Vec<Box<str>>>();
    settings.behaviour = behaviour(config);
    settings.credentials = credentials(config)?;
    let challenges = &mut settings.challenges;
    challenges.weakest = config.weakest_algorithm().algorithm();
    challenges.weakest_of_peers = config.weakest_peer_algorithm().algorithm();
    let realms = config.peer_realms().iter();
    challenges.peer_realms = realms.map(|realm| realm.as_str().into()).collect();
    settings.timers = timers;
    settings.limits = limits;
    settings.via_transport = config.hack_via_tcp().then_some("TCP");
    settings.rport = config.force_rport();
    Ok(settings)
}

/// How the endpoint behaves.
pub(super) fn behaviour(config: &Config) -> Behaviour {
    Behaviour {
        user_agent: config.user_agent_string().into(),
        display_name: config.display_name().map(Into::into),
        takes_refer: true,
        takes_refer_outside: config.allow_out_of_dialog_refers(),
        takes_requests: true,
        extensions: Box::new(extensions(config)),
        session_id: config.session_id(),
        takes_any_user: false,
        reliable_provisionals: config.rel100(),
        replaces: config.replaces(),
        preloaded_route: config.use_preloaded_route(),
        application_authenticates: config.authentication() == Authentication::Application,
        queue_requests: config.offline_requests() == OfflineRequests::Queue,
        no_answer_timeout: config.no_answer_timeout(),
        offer_timeout: config.offer_timeout(),
        session_expires: config.session_expires(),
        min_se: config.min_se(),
        min_subscription: config.min_subscription_expires(),
        session_refresher: config.session_refresher(),
        log_level: config.log().level,
        trace: config.trace_sip(),
        trace_credentials: config.trace_sip_credentials(),
    }
}

/// What the application takes within calls.
fn extensions(config: &Config) -> Extensions {
    Extensions {
        methods: boxed(config.extra_methods()),
        info_packages: boxed(config.info_packages()),
        bodies: boxed(config.accepted_bodies()),
        event_packages: boxed(config.event_packages()),
        offers_unknown_methods: config.offer_unknown_methods(),
    }
}

fn boxed(texts: &[String]) -> Vec<Box<str>> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

/// The credentials of the configuration; none if the application answers every challenge itself, because the
/// core computes no digest then.
pub(super) fn credentials(config: &Config) -> Result<Option<Credentials>, UsernameError> {
    if config.authentication() == Authentication::Application {
        return Ok(None);
    }
    let (Some(user), Some(secret)) = (config.authorization_user(), config.secret()) else {
        return Ok(None);
    };
    Credentials::new(user, secret.clone()).map(Some)
}

/// The policy by which servers are chosen and connections are retried.
pub(super) fn policy(config: &Config) -> ServerPolicy {
    let servers = config.servers().iter();
    ServerPolicy {
        max_reconnection: config.ws_server_max_reconnection(),
        reconnection_timeout: config.ws_server_reconnection_timeout(),
        recovery_min: config.connection_recovery_min_interval(),
        recovery_max: config.connection_recovery_max_interval(),
        outbound_schedule: config.outbound_recovery(),
        connect_timeout: config.connection_timeout(),
        ..ServerPolicy::new(servers.map(|server| server.weight).collect())
    }
}

fn anonymous(rng: &mut dyn CryptoRng) -> UriBuf {
    let text: String = format!("sip:anonymous.{}@anonymous.invalid", token(rng, 6));
    UriBuf::parse(text.as_bytes()).expect("letters, digits and dots are a URI")
}
