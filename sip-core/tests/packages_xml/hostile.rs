//! Bodies that cost much or lie: each is refused by name, and soon.

use sip_core::Body;
use sip_core::package::{MOST_BYTES, PackageError, Position, Presence};

use super::{dialog_info, presence, reginfo};

const ROOT: &str = "<presence xmlns='urn:ietf:params:xml:ns:pidf'>";

fn bytes(bytes: impl Into<Vec<u8>>) -> Result<Presence, PackageError> {
    Presence::from_body(&Body::new(Presence::CONTENT_TYPE, bytes.into()))
}

fn encoding(name: &str) -> Result<Presence, PackageError> {
    Err(PackageError::Encoding(name.into()))
}

/// No entity of a peer is ever expanded: neither the billion laughs, nor the quadratic blow-up, nor a file of this machine.
#[test]
fn a_document_type_is_refused() {
    let laughs: String = (1..10)
        .map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10)))
        .collect();
    for document_type in [
        format!("<!DOCTYPE presence [<!ENTITY l0 \"lol\">{laughs}]>"),
        format!("<!DOCTYPE p [<!ENTITY a \"{}\">]>", "a".repeat(50_000)),
        "<!DOCTYPE p [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>".to_string(),
        "<!DOCTYPE p SYSTEM \"http://192.0.2.1/p.dtd\">".to_string(),
        "<!DOCTYPE p>".to_string(),
    ] {
        let text = format!(
            "<?xml version=\"1.0\"?>\n {document_type}{ROOT}<note>&l9;&a;</note></presence>"
        );
        let at = Position { line: 2, column: 2 };
        assert_eq!(presence(text), Err(PackageError::DocumentType(at)));
    }
    let error = presence(format!("{ROOT}<note>&a;</note></presence>")).unwrap_err();
    assert!(
        matches!(
            &error,
            PackageError::Xml {
                at: Position {
                    line: 1,
                    column: 53
                },
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let (open, close) = ("<a>".repeat(depth - 1), "</a>".repeat(depth - 1));
        presence(format!("{ROOT}{open}{close}</presence>")).map(|_| ())
    };
    assert_eq!(nested(32), Ok(()));
    let error = Err(PackageError::TooMany {
        what: "XML elements in each other",
        limit: 32,
    });
    assert_eq!(nested(33), error);
    assert_eq!(nested(30_000), error);
    // Comments, data and quotes hide marks; closed and empty elements are no depth.
    let flat = "<a/><a></a><!-- <a> --><![CDATA[<a>]]><a b='>' c=\"/>\"/>".repeat(100);
    assert!(presence(format!("{ROOT}{flat}</presence>")).is_ok());
}

#[test]
fn attributes_and_namespaces_are_bounded() {
    let attributes = |count: usize| {
        let all: String = (0..count).map(|n| format!(" a{n}='='")).collect();
        presence(format!("{ROOT}<a{all}/></presence>")).map(|_| ())
    };
    assert_eq!(attributes(64), Ok(()));
    let error = Err(PackageError::TooMany {
        what: "attributes of one XML element",
        limit: 64,
    });
    assert_eq!(attributes(65), error);
    assert_eq!(attributes(20_000), error);
    let namespaces = |count: usize| {
        let all: String = (0..count)
            .map(|n| format!("<a  xmlns:n{n} = 'urn:{n}' b='xmlns:no'/>"))
            .collect();
        presence(format!("{ROOT}{all}</presence>")).map(|_| ())
    };
    assert_eq!(namespaces(255), Ok(()));
    assert_eq!(
        namespaces(256),
        Err(PackageError::TooMany {
            what: "XML namespaces",
            limit: 256
        })
    );
}

#[test]
fn nodes_and_bytes_are_bounded() {
    let many = presence(format!("{ROOT}{}</presence>", "<a/>".repeat(20_000)));
    let error = PackageError::TooMany {
        what: "XML nodes",
        limit: 16_384,
    };
    assert_eq!(many, Err(error));
    let filled = |length: usize| {
        let space = length - ROOT.len() - "</presence>".len();
        presence(format!("{ROOT}{}</presence>", " ".repeat(space))).map(|_| ())
    };
    assert_eq!(filled(MOST_BYTES), Ok(()));
    assert_eq!(filled(MOST_BYTES + 1), Err(PackageError::TooLong));
    let megabyte: String = (0..100_000).map(|n| format!(" a{n}='b'")).collect();
    assert_eq!(
        presence(format!("{ROOT}<a{megabyte}/></presence>")),
        Err(PackageError::TooLong)
    );
}

/// Bodies whose marks never end, and those that cost most within the bounds: each takes milliseconds.
#[test]
fn the_most_costly_bodies_are_read_or_refused() {
    let declared: String = (0..8)
        .map(|depth| {
            let all: String = (0..31)
                .map(|n| format!(" xmlns:a{depth}-{n}='urn:{n}'"))
                .collect();
            format!("<b{all}>")
        })
        .collect();
    let end = "</b>".repeat(8);
    let wide: String = (0..60).map(|n| format!(" a{n}='b'")).collect();
    for (body, is_read) in [
        (format!("{declared}{}{end}", "<b/>".repeat(15_000)), true),
        (format!("<a{wide}/>").repeat(500), true),
        (format!("<note>{}</note>", "&amp;".repeat(50_000)), true),
        (format!("<note>{}</note>", "<!-- -->a".repeat(8_000)), true),
        ("<".repeat(200_000), false),
        ("<a b='".repeat(40_000), false),
        (format!("<a {}", "b ".repeat(100_000)), false),
        (format!("<!--{}", "-".repeat(200_000)), false),
        ("<![CDATA[".repeat(20_000), false),
        ("<?".repeat(100_000), false),
        ("&".repeat(200_000), false),
        ("]]>".repeat(60_000), false),
    ] {
        let read = presence(format!("{ROOT}{body}</presence>"));
        assert_eq!(read.is_ok(), is_read, "{body:.60}: {read:.60?}");
    }
}

/// RFC 3863 section 4.1 has UTF-8 alone; other encodings are refused by name.
#[test]
fn rfc3863_4_1_other_encodings_are_refused_by_name() {
    let declared = |name: &str| {
        presence(format!(
            "<?xml version='1.0' encoding=\"{name}\"?>{ROOT}</presence>"
        ))
    };
    for known in ["UTF-8", "utf-8", "utf8", "US-ASCII"] {
        assert!(declared(known).is_ok(), "{known}");
    }
    for other in ["ISO-8859-1", "UTF-16", "UTF-7", ""] {
        assert_eq!(declared(other), encoding(other));
    }
    assert_eq!(declared(&"x".repeat(1_000)), encoding(&"x".repeat(40)));
    let utf16: Vec<u8> = "\u{feff}<presence/>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(bytes(utf16), encoding("UTF-16"));
    let utf8 =
        format!("\u{feff}<?xml version='1.0' encoding='UTF-8' standalone='yes'?>{ROOT}</presence>");
    assert!(bytes(utf8).is_ok(), "a byte order mark in UTF-8");
    let charset = Body::new("application/pidf+xml;charset=utf-16", ROOT.to_string());
    assert_eq!(Presence::from_body(&charset), encoding("utf-16"));
    let mut invalid = ROOT.as_bytes().to_vec();
    invalid.extend(b"\xc3\x28</presence>");
    assert_eq!(bytes(invalid), Err(PackageError::Utf8(ROOT.len())));
    assert!(bytes(*b"\x00\xff").is_err());
}

#[test]
fn malformed_xml_is_refused_with_its_place() {
    for (text, line, column) in [
        (format!("{ROOT}\n<note>\n</presence>"), 3, 1),
        (format!("\r\n  {ROOT}<a b=c/></presence>"), 2, 54),
        (format!("{ROOT}<n:note/></presence>"), 1, 48),
        (format!("{ROOT}<a b='1' b='2'/></presence>"), 1, 56),
        (format!("{ROOT}\u{1}</presence>"), 1, 47),
    ] {
        let error = presence(text.clone()).unwrap_err();
        let PackageError::Xml { at, fault } = &error else {
            panic!("{text:?}: {error:?}");
        };
        assert_eq!((at.line, at.column), (line, column), "{text:?}: {error}");
        assert!(!fault.contains(" at "), "{error}");
    }
    for text in [
        "",
        "  ",
        "open",
        "<",
        "<presence",
        ROOT,
        "</presence>",
        "<a/><b/>",
        "<?xml?>",
        "<!-- -->",
    ] {
        assert!(presence(text).is_err(), "{text:?}");
        assert!(dialog_info(text).is_err(), "{text:?}");
        assert!(reginfo(text).is_err(), "{text:?}");
    }
}
