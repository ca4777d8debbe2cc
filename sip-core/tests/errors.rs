//! The public error types: each can leave `main`, prints one line that says all, and leads to the error that it wraps.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use sip_core::auth::{
    Algorithm, AuthenticationInfoError, ChallengeError, Credentials, DigestServerError, Secret,
    SecretError, UsernameError,
};
use sip_core::config::{Config, ConfigError, ConfigErrors, ServerUrlError, Unsupported};
use sip_core::connection::{ConnectError, PolicyError};
use sip_core::dialog::DialogError;
use sip_core::package::PackageError;
use sip_core::sdp::SdpError;
use sip_core::transaction::{BranchError, SendError, SendRule, TimerError, TransactionError};
use sip_core::{
    AuthorizationFailed, Backpressure, ByeFailure, ClockJump, CommandError, DescriptionFailed,
    EndReason, ExtraHeader, ExtraHeaderError, FromError, NoServerUrl, ProvisionalStatusError,
    RefusalError, Requirement, StaleHandle, StartError, Tones, TonesError,
};
use sip_parse::{BuildError, Uri};

/// What `?` in a `main` and a thread that hands its error on require.
fn leaves_main<E: Error + Send + Sync + 'static>() {
    fn main<E: Error + 'static>(error: E) -> Result<(), Box<dyn Error>> {
        Err(error)?
    }
    let _ = main::<E>;
}

/// Checks each type, and yields their names.
macro_rules! types {
    ($($error:ident),* $(,)?) => {{
        $(leaves_main::<$error>();)*
        [$(stringify!($error)),*]
    }};
}

/// The names of the public types that implement `Error` in the files below `folder`.
fn written(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            written(&path, names);
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            names.extend(implemented(&text));
        }
    }
}

/// The types for which a source has an `impl` or the derive.
fn implemented(text: &str) -> impl Iterator<Item = String> + '_ {
    let name = |rest: &str| {
        let end = rest.find(|character: char| !character.is_alphanumeric());
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let by_hand = text.split("impl core::error::Error for ").skip(1).map(name);
    let derived = text
        .split("thiserror::Error)]")
        .skip(1)
        .filter_map(move |rest| {
            let line = rest.lines().find(|line| line.starts_with("pub"))?;
            Some(name(
                line.rsplit_once("enum ").or(line.rsplit_once("struct "))?.1,
            ))
        });
    by_hand.chain(derived)
}

#[test]
fn every_public_error_leaves_main() {
    let listed = types!(
        AuthenticationInfoError,
        AuthorizationFailed,
        Backpressure,
        BranchError,
        ByeFailure,
        ChallengeError,
        ClockJump,
        CommandError,
        ConfigError,
        ConfigErrors,
        ConnectError,
        DescriptionFailed,
        DialogError,
        DigestServerError,
        EndReason,
        ExtraHeaderError,
        FromError,
        NoServerUrl,
        PackageError,
        PolicyError,
        ProvisionalStatusError,
        RefusalError,
        Requirement,
        SdpError,
        SecretError,
        SendError,
        SendRule,
        ServerUrlError,
        StaleHandle,
        StartError,
        TimerError,
        TonesError,
        TransactionError,
        Unsupported,
        UsernameError,
    );
    let mut found = BTreeSet::new();
    written(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
    // It exists with this feature alone.
    assert!(found.remove("UpdateError"));
    #[cfg(feature = "xml")]
    leaves_main::<sip_core::package::UpdateError>();
    assert_eq!(found, listed);
}

/// Every error that wraps another leads to it, and its own line has the text of the other.
#[test]
fn a_chain_of_errors_prints_and_its_first_line_says_all() {
    let parse = Uri::parse(b"sip:").expect_err("no host");
    let header = ExtraHeader::new("X", "a\r\nb").expect_err("a line end");
    let config = Config::builder().uri("sip:").build().expect_err("no host");
    let tones = Tones::new("x").expect_err("no tone");
    let secret = Secret::password("secret");
    let username = Credentials::new("a\n", secret).expect_err("a control character");
    let build = BuildError {
        kind: sip_parse::BuildErrorKind::Uri,
        header: None,
        offset: 1,
    };
    let chains: Vec<Box<dyn Error>> = vec![
        Box::new(CommandError::Backpressure),
        Box::new(CommandError::Stale),
        Box::new(CommandError::Target(parse)),
        Box::new(CommandError::Header(header)),
        Box::new(CommandError::Refusal(RefusalError::Range(200))),
        Box::new(CommandError::Tones(tones)),
        Box::new(CommandError::Username(username)),
        Box::new(CommandError::WrongState(Requirement::Up)),
        Box::new(CommandError::Config(config.clone())),
        Box::new(CommandError::Send(SendError::Build(build))),
        Box::new(SendError::TooLarge(parse)),
        Box::new(SendError::Forbidden(SendRule::Response)),
        Box::new(StartError::Policy(PolicyError::NoServer)),
        Box::new(StartError::Username(username)),
        Box::new(AuthenticationInfoError::Malformed(parse)),
        Box::new(DialogError::Malformed(parse)),
        Box::new(FromError::Uri(parse)),
        Box::new(config),
    ];
    for error in &chains {
        let line = error.to_string();
        let mut source = error.source();
        assert!(source.is_some(), "{line}: no source");
        while let Some(inner) = source {
            assert!(line.contains(&inner.to_string()), "{line}: not {inner}");
            source = inner.source();
        }
    }
    let alone = Secret::ha1("example.com", Algorithm::Md5, "12").expect_err("two digits");
    assert!(alone.source().is_none());
}
