//! Checks that span two parameters.

use alloc::{format, vec::Vec};

use super::error::ConfigError;
use super::json::seconds;
use super::parameter::Parameter;
use super::settings::Settings;
use super::values::is_registered_option_tag;

pub(super) fn check_intervals(s: &Settings, errors: &mut Vec<ConfigError>) {
    let (min, max) = (
        s.connection_recovery_min_interval,
        s.connection_recovery_max_interval,
    );
    if min <= max {
        return;
    }
    // The error names the parameter that was given; the maximum if both were.
    errors.push(
        if s.sources.given(Parameter::ConnectionRecoveryMaxInterval) {
            let expected = format!(
                "at least connectionRecoveryMinInterval, which is {}",
                seconds(min)
            );
            ConfigError::value(
                Parameter::ConnectionRecoveryMaxInterval.name(),
                seconds(max),
                expected,
            )
        } else {
            let expected = format!(
                "at most connectionRecoveryMaxInterval, which is {}",
                seconds(max)
            );
            ConfigError::value(
                Parameter::ConnectionRecoveryMinInterval.name(),
                seconds(min),
                expected,
            )
        },
    );
}

/// A session interval below `minSe` would be one that this side refuses itself.
pub(super) fn check_session_interval(s: &Settings, errors: &mut Vec<ConfigError>) {
    let Some(interval) = s.session_expires.filter(|interval| *interval < s.min_se) else {
        return;
    };
    // The error names the parameter that was given; the interval if both were.
    let (parameter, value, expected) = if s.sources.given(Parameter::SessionExpires) {
        let expected = format!("at least minSe, which is {}", seconds(s.min_se));
        (Parameter::SessionExpires, interval, expected)
    } else {
        let expected = format!("at most sessionExpires, which is {}", seconds(interval));
        (Parameter::MinSe, s.min_se, expected)
    };
    errors.push(ConfigError::value(
        parameter.name(),
        seconds(value),
        expected,
    ));
}

pub(super) fn check_option_tags(s: &Settings, errors: &mut Vec<ConfigError>) {
    for (own, expected) in [
        ("100rel", "left to the parameter rel100"),
        ("replaces", "left to the parameter replaces"),
    ] {
        if s.extra_supported
            .iter()
            .any(|tag| tag.eq_ignore_ascii_case(own))
        {
            let name = Parameter::ExtraSupported.name();
            errors.push(ConfigError::value(
                name,
                ConfigError::excerpt(own),
                expected,
            ));
        }
    }
    if s.hack_allow_unregistered_option_tags {
        return;
    }
    for tag in s
        .extra_supported
        .iter()
        .filter(|tag| !is_registered_option_tag(tag))
    {
        errors.push(ConfigError::value(
            Parameter::ExtraSupported.name(),
            ConfigError::excerpt(tag),
            "an option tag that IANA knows, or hackAllowUnregisteredOptionTags true",
        ));
    }
}
