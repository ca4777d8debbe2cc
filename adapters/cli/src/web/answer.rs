//! The responses of the page: its files, and the header fields that keep it closed to others. No I/O.

use super::head::Refusal;

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asset {
    path: &'static str,
    media_type: &'static str,
    pub(super) bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal $media_type:literal $file:literal)*) => {
        [$(Asset {
            path: $path,
            media_type: $media_type,
            bytes: include_bytes!(concat!("../../assets/", $file)),
        }),*]
    };
}

/// Every file. There are no others, so that no path can name one of the disk.
static ASSETS: [Asset; 8] = assets! {
    "/" "text/html; charset=utf-8" "web/index.html"
    "/style.css" "text/css; charset=utf-8" "web/style.css"
    "/icon.svg" "image/svg+xml" "web/icon.svg"
    "/page.js" "text/javascript; charset=utf-8" "web/page.js"
    "/phone.js" "text/javascript; charset=utf-8" "web/phone.js"
    "/microphone.js" "text/javascript; charset=utf-8" "web/microphone.js"
    "/ladder.js" "text/javascript; charset=utf-8" "web/ladder.js"
    "/sip.js" "text/javascript; charset=utf-8" "sipjs/sip.js"
};

/// The path of SIP.js, which may come from elsewhere.
const SIPJS: &str = "/sip.js";

impl Asset {
    pub(super) fn is_sipjs(&self) -> bool {
        self.path == SIPJS
    }
}

/// What is at a path.
pub(super) enum Resource {
    Asset(&'static Asset),
    /// The users of the phones.
    Phones,
    /// The stream of messages.
    Ladder,
}

pub(super) fn resource(path: &str) -> Result<Resource, Refusal> {
    match path {
        "/phones.json" => Ok(Resource::Phones),
        "/ladder" => Ok(Resource::Ladder),
        _ => {
            let asset = ASSETS.iter().find(|asset| asset.path == path);
            asset.map(Resource::Asset).ok_or(Refusal::NotFound)
        }
    }
}

/// The head of a 200 with a body of that length; without one the body ends with the connection. `server` is the URL of the edge,
/// the one other place that the page may talk to.
fn ok(media_type: &str, length: Option<usize>, server: &str) -> String {
    let length = length.map_or_else(String::new, |length| {
        format!("Content-Length: {length}\r\n")
    });
    format!(
        "HTTP/1.1 200 OK\r\n\
         Content-Type: {media_type}\r\n\
         {length}\
         Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' {server}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
         Permissions-Policy: microphone=(self)\r\n\
         {COMMON}"
    )
}

/// The fields of every response. The connection ends with it.
const COMMON: &str = "Cross-Origin-Opener-Policy: same-origin\r\n\
     Cross-Origin-Resource-Policy: same-origin\r\n\
     Referrer-Policy: no-referrer\r\n\
     X-Content-Type-Options: nosniff\r\n\
     Cache-Control: no-store\r\n\
     Connection: close\r\n\r\n";

pub(super) fn file(asset: &Asset, bytes: &[u8], server: &str) -> Vec<u8> {
    let head = ok(asset.media_type, Some(bytes.len()), server);
    [head.as_bytes(), bytes].concat()
}

pub(super) fn json(document: &serde_json::Value, server: &str) -> Vec<u8> {
    let body = document.to_string();
    let head = ok("application/json", Some(body.len()), server);
    format!("{head}{body}").into_bytes()
}

/// The head of a stream of events (WHATWG HTML, section "Server-sent events").
pub(super) fn stream(server: &str) -> Vec<u8> {
    ok("text/event-stream", None, server).into_bytes()
}

pub(super) fn refusal(refusal: Refusal) -> Vec<u8> {
    let (status, why) = refusal.status();
    let more = match refusal {
        Refusal::Method => "Allow: GET\r\n",
        Refusal::Full => "Retry-After: 10\r\n",
        _ => "",
    };
    let length = why.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n{more}{COMMON}{why}\n"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(path: &str) -> &'static Asset {
        match resource(path) {
            Ok(Resource::Asset(asset)) => asset,
            _ => panic!("{path} is no file"),
        }
    }

    fn text(path: &str) -> &'static str {
        std::str::from_utf8(asset(path).bytes).unwrap()
    }

    #[test]
    fn a_path_is_one_of_the_table() {
        for wrong in [
            "",
            "*",
            "/index.html",
            "/../Cargo.toml",
            "/%2e%2e/",
            "//",
            "/style.css/",
            "/Phones.json",
        ] {
            assert!(matches!(resource(wrong), Err(Refusal::NotFound)), "{wrong}");
        }
    }

    /// The policy forbids what is inline and what is elsewhere, so the page must not have it.
    #[test]
    fn the_page_has_no_inline_script_and_no_other_origin() {
        for asset in &ASSETS {
            let content = text(asset.path);
            if asset.path != SIPJS {
                assert!(!content.contains("https://"), "{}", asset.path);
            }
            let plain = content.replace("http://www.w3.org/2000/svg", "");
            assert!(
                asset.path == SIPJS || !plain.contains("http://"),
                "{}",
                asset.path
            );
        }
        let page = text("/");
        for wrong in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
            assert!(!page.contains(wrong), "{wrong}");
        }
        for script in page.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains(" src=\"/"), "{tag}");
            assert!(rest.starts_with("</script>"), "{rest}");
        }
    }

    /// Every file that the page names is there.
    #[test]
    fn the_page_finds_its_files() {
        let page = text("/");
        for part in page.split(['"']).filter(|part| part.starts_with('/')) {
            asset(part);
        }
        for path in ["/page.js", "/phone.js", "/microphone.js", "/ladder.js"] {
            for line in text(path).lines().filter(|line| line.contains("from \"")) {
                let from = line.split('"').nth(1).unwrap();
                asset(from.strip_prefix('.').unwrap_or(from));
            }
        }
    }

    /// Every file of the npm package is in the bundle, which says where it is from and under which licence.
    #[test]
    fn sip_js_names_its_licence() {
        let bundle = text(SIPJS);
        assert!(bundle.starts_with("// SIP.js 0.21.2, "));
        let licence = include_str!("../../assets/sipjs/LICENSE.md");
        assert!(licence.starts_with("MIT License"));
        let note = include_str!("../../assets/sipjs/README.md");
        assert!(note.contains("0.21.2"));
    }

    #[test]
    fn every_response_ends_the_connection_and_is_not_kept() {
        let page = file(asset("/"), asset("/").bytes, "ws://127.0.0.1:5080");
        let stream = stream("ws://127.0.0.1:5080");
        for response in [
            page,
            stream,
            refusal(Refusal::NotFound),
            refusal(Refusal::Full),
        ] {
            let response = String::from_utf8(response).unwrap();
            let (head, _) = response.split_once("\r\n\r\n").unwrap();
            for field in [
                "Connection: close",
                "Cache-Control: no-store",
                "X-Content-Type-Options: nosniff",
            ] {
                assert!(head.lines().any(|line| line == field), "{head}");
            }
        }
    }
}
