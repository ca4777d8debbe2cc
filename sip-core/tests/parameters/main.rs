//! What each parameter does, seen from outside: bytes, actions, events, deadlines.
//!
//! Defaults, accepted and refused forms are the tables in `src/config/tests/`; the list below holds one
//! effect for each parameter, and a test that none is missing.

mod application;
mod calls;
mod challenges;
mod connection;
mod documents;
mod identity;
mod logging;
mod reconfigure;
mod registering;

use sip_core::config::Parameter;

/// One test for each parameter, named by its module and function.
macro_rules! effects {
    ($($parameter:ident => $module:ident::$function:ident,)*) => {
        const EFFECTS: &[Parameter] = &[$(Parameter::$parameter,)*];

        mod effect {
            $(
                #[test]
                fn $function() {
                    crate::$module::$function();
                }
            )*
        }
    };
}

effects! {
    Uri => identity::cfg_uri_names_us,
    WsServers => connection::cfg_ws_servers_are_tried_by_weight,
    AllowLegacyNotifications => application::cfg_notify_legacy_notifications,
    AllowOutOfDialogRefers => application::cfg_refer_is_the_applications_or_forbidden,
    AuthenticationFactory => challenges::authentication_factory_asks_the_application,
    AuthorizationUser => identity::authorization_user_is_the_digest_username,
    Autostart => connection::autostart_connects_or_waits,
    ConnectionRecoveryMaxInterval => connection::cfg_recover_max_interval_is_never_exceeded,
    ConnectionRecoveryMinInterval => connection::cfg_recover_min_interval_is_always_waited,
    DisplayName => identity::display_name_is_quoted_and_escaped,
    HackIpInContact => identity::cfg_hackip_host_in_contact_and_via,
    HackViaTcp => identity::cfg_hacktcp_changes_via_alone,
    HackWssInTransport => identity::cfg_hackwss_changes_contact_alone,
    InstanceId => identity::cfg_instance_is_in_the_contact_of_register,
    LogBuiltinEnabled => logging::cfg_log_builtin_is_the_adapters,
    LogLevel => logging::cfg_log_level_filters,
    LogConnector => logging::cfg_log_connector_gets_category_label_and_content,
    NoAnswerTimeout => calls::cfg_noanswer_ends_with_408,
    Password => identity::password_answers_a_challenge,
    Register => registering::cfg_reg_register_on_each_connection,
    RegisterExpires => registering::cfg_reg_expires_is_asked_for,
    RegistrarServer => registering::cfg_reg_registrar_is_the_request_uri,
    Rel100 => calls::cfg_100rel_decides_supported_require_and_421,
    Replaces => calls::cfg_replaces_decides_supported_require_and_421,
    SessionDescriptionHandlerFactory => calls::description_handler_is_an_event_and_a_command,
    SessionDescriptionHandlerFactoryOptions => calls::description_options_are_passed_on,
    TraceSip => logging::cfg_log_trace_sip_whatever_the_level,
    UsePreloadedRoute => connection::cfg_preload_route_follows_the_server_in_use,
    UserAgentString => identity::cfg_ua_string_is_the_whole_value,
    WsServerMaxReconnection => connection::cfg_wsrec_retries_of_a_dropped_connection,
    WsServerReconnectionTimeout => connection::cfg_wsrec_time_between_retries,
    Autostop => calls::autostop_is_the_adapters,
    ConnectionTimeout => connection::connection_timeout_gives_up_an_attempt,
    ContactName => identity::contact_name_is_the_user_of_contact,
    ContactTransport => identity::contact_transport_is_in_contact,
    Custom => calls::custom_is_passed_through,
    DtmfType => calls::dtmf_is_an_info,
    ExtraSupported => identity::extra_supported_is_offered_and_understood,
    ForceRport => identity::rfc3581_3_force_rport_asks_in_via,
    HackAllowUnregisteredOptionTags => identity::unregistered_option_tags_by_permission,
    KeepAliveInterval => connection::rfc5626_4_4_keep_alive_interval,
    Ha1 => identity::rfc7616_3_4_2_ha1_answers_like_its_password,
    Realm => identity::rfc7616_3_4_2_ha1_answers_its_realm_alone,
    PeerRealms => challenges::cfg_peer_realms_are_answered_to_peers,
    WeakestAlgorithm => challenges::cfg_weakest_algorithm_of_the_own_servers,
    WeakestPeerAlgorithm => challenges::cfg_weakest_algorithm_of_peers,
    OutboundFlows => connection::rfc5626_4_2_1_outbound_flows,
    AskServerUrl => connection::ask_server_url_for_each_attempt,
    OutboundRecovery => connection::rfc5626_4_5_outbound_recovery,
    OfflineRequests => connection::conn_c_offline_requests_fail_or_wait,
    OfferTimeout => calls::offer_timeout_ends_an_exchange_without_a_description,
    SessionExpires => calls::cfg_session_expires_asks_for_a_session_timer,
    MinSe => calls::cfg_min_se_refuses_a_shorter_interval,
    SessionRefresher => calls::cfg_session_refresher_names_the_side,
    TraceSipCredentials => logging::trace_sip_credentials_shows_them,
    InfoPackages => calls::rfc6086_4_2_1_info_packages_are_listed,
    EventPackages => calls::rfc6665_4_4_4_event_packages_are_listed,
    MinSubscriptionExpires => calls::cfg_min_subscription_expires_refuses_a_shorter_subscription,
    ExtraMethods => calls::extra_methods_are_listed_and_passed_on,
    OfferUnknownMethods => application::rfc3261_8_2_1_unknown_methods_reach_the_application,
    AcceptedBodies => calls::rfc3261_8_2_3_accepted_bodies_are_not_refused,
    EarlySession => calls::rfc3959_early_sessions_are_offered,
    SessionId => calls::rfc7989_session_id_is_in_the_invite,
    TrustAssertedIdentity => calls::rfc3325_asserted_identities_need_trust,
}

/// Storing a parameter is not an effect: the list has each one, once.
#[test]
fn every_parameter_has_an_effect() {
    let names = |parameters: &[Parameter]| {
        let names = parameters.iter().map(|parameter| parameter.name());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(EFFECTS), names(Parameter::ALL));
}
