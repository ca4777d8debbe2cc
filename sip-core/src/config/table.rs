//! The table of parameters: one row each. `parameters!(expander)` hands it to a macro of the caller:
//! `parameter.rs` makes the names of it, `settings.rs` the fields and getters, `explain.rs` the explanation,
//! `builder.rs` the methods of the builder, and `setter.rs` what readers of other forms need.
//!
//! A new parameter is one row here, its effect, and its row in `docs/parameters.md`. A row is
//!
//! ```text
//! /// Its effect, its default, the accepted values.
//! Variant "nameInTheFile" Origin { field: Type = default } kind(arguments), "note while it has its default";
//! ```
//!
//! | kind | field | the builder takes |
//! |---|---|---|
//! | `plain` | `bool` | a `bool` |
//! | `choice` | an enum of `choice!` | one of its values |
//! | `number(least, most)` | an integer | an integer in that range |
//! | `time(check)` | `Duration` | a time that `check` accepts |
//! | `text(check)`, `optional(check)` | `String`, `Option<Box<str>>` | text that `check` accepts |
//! | `uri(check)` | `Option<Arc<UriBuf>>` | text that `check` accepts |
//! | `list(check, what)` | `Vec<String>` | at most [`SERVERS_LIMIT`](super::SERVERS_LIMIT) texts that `check` accepts |
//! | `own(explanation, setter)` | any or none | see the method beside the table |
//! | `function` | none | nothing: the adapter takes a function or a trait |

macro_rules! parameters {
    ($expander:ident) => {
        $expander! {
            /// `uri`: the address-of-record (RFC 3261 section 6). A SIP or SIPS URI with a user part, without a
            /// password or headers; `sip:` may be left out. Without one the user agent draws
            /// `sip:anonymous.X@anonymous.invalid`.
            Uri "uri" Page { uri: Option<Arc<UriBuf>> = None } uri(address_of_record), "drawn at random by the user agent";

            WsServers "wsServers" Page {
                servers: Vec<Server> = ServerUrl::parse(DEFAULT_SERVER)
                    .map_or_else(|_| Vec::new(), |url| vec![Server { url, weight: 0 }])
            } own(explain_servers, Setter::Servers);

            /// `allowLegacyNotifications`: a NOTIFY that belongs to no subscription is an event, instead of a 481;
            /// default false.
            AllowLegacyNotifications "allowLegacyNotifications" Page { allow_legacy_notifications: bool = false } plain;

            /// `allowOutOfDialogRefers`: the application answers a REFER, instead of a 403; default false.
            AllowOutOfDialogRefers "allowOutOfDialogRefers" Page { allow_out_of_dialog_refers: bool = false } plain;

            AuthenticationFactory "authenticationFactory" Page {
                authentication: Authentication = Authentication::Digest
            } own(explain_authentication, Setter::Function);

            /// `authorizationUser`: the digest username (RFC 7616 section 3.4). Default: the unescaped user part of
            /// `uri`, and `None` only if the URI is to be drawn.
            AuthorizationUser "authorizationUser" Page {
                authorization_user: Option<Box<str>> = None
            } optional(values::some_text), "the user part of uri";

            /// `autostart`: the first poll yields a connect; default true. If false, nothing happens until the user
            /// agent is started.
            Autostart "autostart" Page { autostart: bool = true } plain;

            /// `connectionRecoveryMaxInterval`: the longest wait once all servers have failed; default 30 s, never
            /// below the shortest.
            ConnectionRecoveryMaxInterval "connectionRecoveryMaxInterval" Page {
                connection_recovery_max_interval: Duration = Duration::from_secs(30)
            } time(values::time);

            /// `connectionRecoveryMinInterval`: the shortest wait once all servers have failed; default 2 s, more
            /// than 0.
            ConnectionRecoveryMinInterval "connectionRecoveryMinInterval" Page {
                connection_recovery_min_interval: Duration = Duration::from_secs(2)
            } time(values::time);

            /// `displayName`: text without control characters for From, which the writer quotes and escapes (RFC
            /// 3261 section 25.1); default none.
            DisplayName "displayName" Page { display_name: Option<Box<str>> = None } optional(values::text);

            HackIpInContact "hackIpInContact" Page {
                hack_ip_in_contact: IpInContact = IpInContact::No
            } own(explain_ip_in_contact, Setter::FlagOrText {
                flag: |builder, yes| builder.hack_ip_in_contact(yes),
                text: |builder, host| builder.hack_ip_in_contact(host),
            });

            /// `hackViaTcp`: Via has the transport `TCP`; default false.
            HackViaTcp "hackViaTcp" Page { hack_via_tcp: bool = false } plain;

            /// `hackWssInTransport`: Contact has `transport=wss`; default false.
            HackWssInTransport "hackWssInTransport" Page { hack_wss_in_transport: bool = false } plain;

            /// `instanceId`: a UUID, perhaps after `uuid:`, for `+sip.instance="<urn:uuid:..>"` (RFC 5626 section
            /// 4.1). Without one the user agent draws it and emits it, so that the host can keep it.
            InstanceId "instanceId" Page { instance_id: Option<Box<str>> = None } optional(values::uuid), "drawn at random by the user agent";

            /// `log.builtinEnabled`: the adapter prints log records; default true.
            LogBuiltinEnabled "log.builtinEnabled" Page { log_builtin_enabled: bool = true } plain;

            /// `log.level`: which log records exist; default [`LogLevel::Log`].
            LogLevel "log.level" Page { log_level: LogLevel = LogLevel::Log } choice;

            LogConnector "log.connector" Page function, "a closure given to the adapter";

            /// `noAnswerTimeout`: how long an incoming call may stay unanswered before the 408; default 60 s, more
            /// than 0.
            NoAnswerTimeout "noAnswerTimeout" Page {
                no_answer_timeout: Duration = Duration::from_secs(60)
            } time(values::time);

            Password "password" Page own(
                explain_password, Setter::Text(|builder, password| builder.password(password))
            );

            /// `register`: each connection begins with a REGISTER; default true.
            Register "register" Page { register: bool = true } plain;

            /// `registerExpires`: the expiry to request of the registrar; default 600 s, whole seconds from 1 to
            /// 4294967295 (RFC 3261 section 20.19).
            RegisterExpires "registerExpires" Page {
                register_expires: Duration = Duration::from_secs(600)
            } time(values::whole_seconds);

            /// `registrarServer`: the Request-URI of REGISTER, without a user part (RFC 3261 section 10.2). Default:
            /// `uri` without its user part, and `None` only if the URI is to be drawn.
            RegistrarServer "registrarServer" Page {
                registrar_server: Option<Arc<UriBuf>> = None
            } uri(registrar), "uri without its user part";

            /// `rel100`: reliable provisional responses (RFC 3262). Required: `Require` of an INVITE lists `100rel`, and the core
            /// refuses the INVITE of a peer without it by 421; default [`Support::None`](crate::config::Support::None).
            Rel100 "rel100" Page { rel100: Support = Support::None } choice;

            /// `replaces`: an INVITE may replace a call (RFC 3891). Required: `Require` of an INVITE lists `replaces`, and the core
            /// refuses the INVITE of a peer without it by 421; default [`Support::None`](crate::config::Support::None).
            Replaces "replaces" Page { replaces: Support = Support::None } choice;

            SessionDescriptionHandlerFactory "sessionDescriptionHandlerFactory" Page
                function, "a trait given to the adapter";

            SessionDescriptionHandlerFactoryOptions "sessionDescriptionHandlerFactoryOptions" Page {
                session_description_handler_factory_options: Opaque = Opaque::default()
            } own(explain_factory_options, Setter::Entries(|builder, key, value| {
                builder.session_description_handler_factory_option(key, value)
            }));

            /// `traceSip`: each message is a trace record, at any log level; default false.
            TraceSip "traceSip" Page { trace_sip: bool = false } plain;

            /// `usePreloadedRoute`: requests outside dialogs begin with `Route: <sip:host[:port];lr;transport=ws>`
            /// of the server in use; default false.
            UsePreloadedRoute "usePreloadedRoute" Page { use_preloaded_route: bool = false } plain;

            /// `userAgentString`: the whole value of User-Agent (RFC 3261 section 20.41); default the name and
            /// version of this crate.
            UserAgentString "userAgentString" Page {
                user_agent_string: String = DEFAULT_USER_AGENT.to_owned()
            } text(values::trimmed_text);

            /// `wsServerMaxReconnection`: attempts at one server after its connection drops; default 3. 0: the next
            /// server at once.
            WsServerMaxReconnection "wsServerMaxReconnection" Page {
                ws_server_max_reconnection: u32 = 3
            } number(0, u32::MAX);

            /// `wsServerReconnectionTimeout`: the time between those attempts; default 4 s, more than 0.
            WsServerReconnectionTimeout "wsServerReconnectionTimeout" Page {
                ws_server_reconnection_timeout: Duration = Duration::from_secs(4)
            } time(values::time);

            /// `autostop`: the adapters stop the user agent in good order when the application drops its last handle, in
            /// place of the page that unloads in SIP.js; default true, as there. The core itself does nothing, because it has no
            /// handles.
            Autostop "autostop" Undocumented { autostop: bool = true } plain;

            /// `connectionTimeout`: how long one attempt to connect may take, name resolution and handshakes
            /// included; default 5 s, more than 0.
            ConnectionTimeout "connectionTimeout" Undocumented {
                connection_timeout: Duration = Duration::from_secs(5)
            } time(values::time);

            /// `contactName`: the user part of Contact, escaped (RFC 3261 section 25.1). Without one the user agent
            /// draws it.
            ContactName "contactName" Undocumented { contact_name: Option<Box<str>> = None } optional(values::user), "drawn at random by the user agent";

            /// `contactTransport`: the transport parameter of Contact (RFC 7118 section 5.2.3); default `ws`.
            ContactTransport "contactTransport" Undocumented {
                contact_transport: String = "ws".to_owned()
            } text(values::transport);

            Custom "custom" Undocumented { custom: Opaque = Opaque::default() } own(
                explain_custom, Setter::Entries(|builder, key, value| builder.custom(key, value))
            );

            /// `dtmfType`: how tones are sent; default [`DtmfType::Info`].
            DtmfType "dtmfType" Undocumented { dtmf_type: DtmfType = DtmfType::Info } choice;

            ExtraSupported "extraSupported" Undocumented { extra_supported: Vec<String> = Vec::new() } own(
                explain_extra_supported, Setter::Tags
            );

            /// `forceRport`: Via has `rport` (RFC 3581) on every transport; default false.
            ForceRport "forceRport" Undocumented { force_rport: bool = false } plain;

            /// `hackAllowUnregisteredOptionTags`: `extraSupported` may hold option tags that IANA does not know;
            /// default false.
            HackAllowUnregisteredOptionTags "hackAllowUnregisteredOptionTags" Undocumented {
                hack_allow_unregistered_option_tags: bool = false
            } plain;

            KeepAliveInterval "keepAliveInterval" Undocumented {
                keep_alive_interval: Option<Duration> = Some(Duration::from_secs(120))
            } own(explain_keep_alive, Setter::Seconds {
                least: 0,
                set: ConfigBuilder::keep_alive_interval,
            });

            Ha1 "ha1" Own own(explain_ha1, Setter::Text(|builder, digits| builder.ha1_digits(digits)));

            Realm "realm" Own own(explain_realm, Setter::Text(|builder, realm| builder.realm(realm)));

            PeerRealms "peerRealms" Own { peer_realms: Vec<String> = Vec::new() } own(
                explain_peer_realms, Setter::Realms
            );

            /// `weakestAlgorithm`: the weakest hash function that the own servers may ask for; default
            /// [`WeakestAlgorithm::Md5`](crate::config::WeakestAlgorithm::Md5).
            WeakestAlgorithm "weakestAlgorithm" Own {
                weakest_algorithm: WeakestAlgorithm = WeakestAlgorithm::Md5
            } choice;

            /// `weakestPeerAlgorithm`: the weakest hash function that a realm of `peerRealms` may ask for, always with
            /// qop; default [`WeakestAlgorithm::Sha256`](crate::config::WeakestAlgorithm::Sha256).
            WeakestPeerAlgorithm "weakestPeerAlgorithm" Own {
                weakest_peer_algorithm: WeakestAlgorithm = WeakestAlgorithm::Sha256
            } choice;

            /// `outboundFlows`: through how many servers to be registered at a time (RFC 5626 section 4.2), at most
            /// one flow to each; default 1, 1 to [`FLOWS_LIMIT`](crate::config::FLOWS_LIMIT). More than one takes a registrar that supports it.
            OutboundFlows "outboundFlows" Own { outbound_flows: u8 = 1 } number(1, FLOWS_LIMIT);

            /// `askServerUrl`: before each attempt to connect the application gives the URL, as for one that carries
            /// a fresh token ([`Event::ServerUrlNeeded`](crate::Event::ServerUrlNeeded)); default false.
            AskServerUrl "askServerUrl" Own { ask_server_url: bool = false } plain;

            /// `outboundRecovery`: RFC 5626 section 4.5 rules the waits instead of the two intervals; default false.
            OutboundRecovery "outboundRecovery" Own { outbound_recovery: bool = false } plain;

            /// `offlineRequests`: requests without a connection fail or wait; default [`OfflineRequests::Fail`].
            OfflineRequests "offlineRequests" Own { offline_requests: OfflineRequests = OfflineRequests::Fail } choice;

            /// `offerTimeout`: how long an exchange of session descriptions waits for that of the application; default 30 s, more
            /// than 0. Then the exchange ends as if the application had none. At most seven eighths of 64 T1 (28 s) where the peer
            /// waits 64 T1 for the answer: in ACK, in PRACK, and in the 2xx to PRACK or UPDATE.
            OfferTimeout "offerTimeout" Own { offer_timeout: Duration = Duration::from_secs(30) } time(values::time);

            SessionExpires "sessionExpires" Own { session_expires: Option<Duration> = None } own(
                explain_session_expires, Setter::Seconds { least: 0, set: ConfigBuilder::session_expires }
            );

            /// `minSe`: the shortest session interval that is accepted (RFC 4028 section 5); default 90 s, whole seconds
            /// from 90 to 4294967295.
            MinSe "minSe" Own { min_se: Duration = Duration::from_secs(90) } time(values::session_interval);

            /// `sessionRefresher`: the side that refreshes a call with a session timer (RFC 4028 section 4), where this
            /// side has the choice; default [`SessionRefresher::Auto`](crate::config::SessionRefresher::Auto).
            SessionRefresher "sessionRefresher" Own {
                session_refresher: SessionRefresher = SessionRefresher::Auto
            } choice;

            /// `traceSipCredentials`: trace records show credentials; default false.
            TraceSipCredentials "traceSipCredentials" Own { trace_sip_credentials: bool = false } plain;

            /// `infoPackages`: the info packages (RFC 6086) that the application takes within calls: Recv-Info lists them, and
            /// the core refuses an INFO of another one by 469; default none.
            InfoPackages "infoPackages" Own {
                info_packages: Vec<String> = Vec::new()
            } list(values::info_package, "info packages");

            /// `eventPackages`: the event packages (RFC 6665) of which the application is the notifier: Allow-Events lists them, and a
            /// SUBSCRIBE of a peer to one of them is an [`Event::IncomingSubscription`](crate::Event::IncomingSubscription); default
            /// none. The core refuses a SUBSCRIBE to another one by 489, and every SUBSCRIBE by 405 if there are none.
            EventPackages "eventPackages" Own {
                event_packages: Vec<String> = Vec::new()
            } list(values::event_package, "event packages");

            /// `minSubscriptionExpires`: the shortest subscription of a peer that is accepted (RFC 6665 section 4.2.1.1); default
            /// 60 s, whole seconds up to an hour. The core refuses a SUBSCRIBE for less, but not for 0, by 423.
            MinSubscriptionExpires "minSubscriptionExpires" Own {
                min_subscription_expires: Duration = Duration::from_secs(60)
            } time(values::subscription);

            /// `extraMethods`: methods beside those of the core whose requests the application answers, outside dialogs and within
            /// calls ([`Event::IncomingRequest`](crate::Event::IncomingRequest)); default none. Allow lists them.
            ExtraMethods "extraMethods" Own {
                extra_methods: Vec<String> = Vec::new()
            } list(values::extra_method, "methods");

            /// `offerUnknownMethods`: requests of methods that the core does not handle, PUBLISH and REGISTER among them, are an
            /// [`Event::IncomingRequest`](crate::Event::IncomingRequest), outside dialogs and within calls; default false: the core
            /// refuses them by 405 or 501, as it does if the application has not answered within 10 s.
            OfferUnknownMethods "offerUnknownMethods" Own { offer_unknown_methods: bool = false } plain;

            /// `acceptedBodies`: media types that the application reads in an INVITE beside the session description, such as
            /// `application/pidf+xml`; default none. Without an entry the core refuses by 415 an INVITE with a part of another
            /// type that the peer requires it to process (RFC 3261 section 8.2.3). Accept lists them.
            AcceptedBodies "acceptedBodies" Own {
                accepted_bodies: Vec<String> = Vec::new()
            } list(values::media_type, "media types");

            /// `earlySession`: the application reads early-session descriptions (RFC 3959): Supported lists `early-session`,
            /// and each one is an [`Event::EarlySession`](crate::Event::EarlySession); default false.
            EarlySession "earlySession" Own { early_session: bool = false } plain;

            /// `sessionId`: the messages of a call carry Session-ID (RFC 7989); default false.
            SessionId "sessionId" Own { session_id: bool = false } plain;

            /// `trustAssertedIdentity`: the servers are trusted to assert the identity of callers (RFC 3325):
            /// [`UserAgent::asserted_identities`](crate::UserAgent::asserted_identities) returns P-Asserted-Identity then;
            /// default false.
            TrustAssertedIdentity "trustAssertedIdentity" Own { trust_asserted_identity: bool = false } plain;
        }
    };
}
pub(super) use parameters;
