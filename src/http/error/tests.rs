//! Each error's status, and that a limit is named in the words of its setting.

use super::super::HttpLimits;
use super::*;

#[test]
fn limits_are_named_as_the_settings_are() {
    let settings = format!("{:?}", HttpLimits::default());
    for (error, code) in [
        (Error::HeadTooLarge, 431),
        (Error::TooManyFields, 431),
        (Error::TrailersTooLarge, 431),
        (Error::TargetTooLong, 414),
        (Error::BodyTooLarge, 413),
        (Error::ChunkExtensionTooLong, 400),
        (Error::ChunkOverheadTooLarge, 400),
    ] {
        let limit = error.limit().unwrap();
        let field = limit.strip_prefix("http.").unwrap();
        assert!(settings.contains(field), "{limit}");
        assert!(error.to_string().contains(limit), "{error}");
        assert_eq!(error.status().code(), code);
    }
}

#[test]
fn other_statuses() {
    for (error, code) in [
        (Error::UnknownMethod, 501),
        (Error::UnsupportedTransferCoding, 501),
        (Error::UnsupportedVersion, 505),
        (Error::UnknownExpectation, 417),
        (Error::BareLineFeed, 400),
        (Error::MissingHost, 400),
        (Error::LengthWithTransferEncoding, 400),
    ] {
        assert_eq!(error.status().code(), code);
        assert_eq!(error.limit(), None);
    }
}
