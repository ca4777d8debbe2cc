//! The texts of a dialog in one allocation, because a call keeps them for as long as it lasts.

use alloc::boxed::Box;

use sip_parse::NameAddr;
use smallvec::SmallVec;

/// The texts of one dialog, one behind the other: the address of this side, that of the peer, its tag unless its address ends
/// with it, the remote target, the routes.
#[derive(Clone, Debug)]
pub(super) struct Texts {
    bytes: Box<[u8]>,
    local_end: u32,
    remote_end: u32,
    target: Span,
    tag: Option<Span>,
    /// The URI of the first route if it is a strict router.
    strict: Option<Span>,
}

/// A part of the bytes.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// The place of `part`, a slice of `whole`.
    fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr() - whole.as_ptr().addr();
        Self::new(start, part.len())
    }

    const fn new(start: usize, len: usize) -> Self {
        Self {
            start: start as u32,
            len: len as u32,
        }
    }

    const fn end(self) -> u32 {
        self.start + self.len
    }

    fn read(self, bytes: &[u8]) -> &[u8] {
        part(bytes, self.start, self.end())
    }
}

fn part(bytes: &[u8], start: u32, end: u32) -> &[u8] {
    let part = bytes.get(start as usize..end as usize);
    part.unwrap_or_default()
}

/// The texts before their length is known; those of most dialogs fit on the stack.
pub(super) type Draft = SmallVec<[u8; 512]>;

/// The end of each route. No route contains it, because the reader drops line ends.
const ROUTE_END: u8 = b'\n';

impl Texts {
    /// `local` and `remote` write the addresses; `routes` are in the order of Route.
    pub(super) fn new<'a>(
        local: impl FnOnce(&mut Draft),
        remote: impl FnOnce(&mut Draft),
        tag: Option<&[u8]>,
        target: &[u8],
        routes: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        let mut draft = Draft::new();
        local(&mut draft);
        let local_end = draft.len();
        remote(&mut draft);
        let remote_end = draft.len();
        let tag = tag.map(|tag| {
            if !draft[local_end..].ends_with(tag) {
                draft.extend_from_slice(tag);
            }
            Span::new(draft.len() - tag.len(), tag.len())
        });
        let target_start = draft.len();
        draft.extend_from_slice(target);
        for route in routes {
            draft.extend_from_slice(route);
            draft.push(ROUTE_END);
        }
        let mut texts = Self {
            bytes: Box::from(&draft[..]),
            local_end: local_end as u32,
            remote_end: remote_end as u32,
            target: Span::new(target_start, target.len()),
            tag,
            strict: None,
        };
        texts.strict = texts.find_strict_router();
        texts
    }

    /// RFC 3261 section 12.2.1.1: the URI of a strict router has no `lr`.
    fn find_strict_router(&self) -> Option<Span> {
        let first = NameAddr::parse(self.routes().next()?).ok()?;
        (!first.uri().is_lr()).then(|| Span::of(first.uri().without_headers(), &self.bytes))
    }

    /// From of our requests, with tag.
    pub(super) fn local(&self) -> &[u8] {
        part(&self.bytes, 0, self.local_end)
    }

    /// To of our requests, with tag.
    pub(super) fn remote(&self) -> &[u8] {
        part(&self.bytes, self.local_end, self.remote_end)
    }

    /// The tag of the peer.
    pub(super) fn tag(&self) -> Option<&[u8]> {
        Some(self.tag?.read(&self.bytes))
    }

    /// The remote target.
    pub(super) fn target(&self) -> &[u8] {
        self.target.read(&self.bytes)
    }

    /// The route set, in the order of Route.
    pub(super) fn routes(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let routes = self.bytes.get(self.target.end() as usize..);
        let routes = routes.unwrap_or_default().split(|byte| *byte == ROUTE_END);
        routes.filter(|route| !route.is_empty())
    }

    /// The URI of the first route if it is a strict router.
    pub(super) fn strict_router(&self) -> Option<&[u8]> {
        Some(self.strict?.read(&self.bytes))
    }

    /// The same texts with another target and other routes.
    pub(super) fn with<'a>(&self, target: &[u8], routes: impl Iterator<Item = &'a [u8]>) -> Self {
        let local = |draft: &mut Draft| draft.extend_from_slice(self.local());
        let remote = |draft: &mut Draft| draft.extend_from_slice(self.remote());
        Self::new(local, remote, self.tag(), target, routes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Routes<'a> = &'a [&'a [u8]];

    fn texts(remote: &[u8], tag: Option<&[u8]>, routes: Routes<'_>) -> Texts {
        let local = |draft: &mut Draft| draft.extend_from_slice(b"<sip:a@h>;tag=1");
        let put = |draft: &mut Draft| draft.extend_from_slice(remote);
        Texts::new(local, put, tag, b"sip:b@i", routes.iter().copied())
    }

    /// Each text reads back, wherever the tag stands in the address of the peer, and after a change of the target.
    #[test]
    fn texts_read_back() {
        let remotes: [(&[u8], Option<&[u8]>); 4] = [
            (b"<sip:b@h>;tag=x", Some(b"x")),
            (b"<sip:b@h>;tag=x;y", Some(b"x")),
            (b"<sip:b@h>", None),
            (b"<sip:b@h>;tag", Some(b"")),
        ];
        let (loose, strict): (&[u8], &[u8]) = (b"<sip:p;lr>", b"<sip:q;x?h=1>;y");
        let sets: [(Routes<'_>, Option<&[u8]>); 3] = [
            (&[], None),
            (&[loose, strict], None),
            (&[strict, loose], Some(b"sip:q;x")),
        ];
        for (remote, tag) in remotes {
            for (routes, router) in sets {
                let first = texts(remote, tag, routes);
                let second = first.with(b"sip:c@longer", first.routes());
                for (texts, target) in [(&first, &b"sip:b@i"[..]), (&second, b"sip:c@longer")] {
                    assert_eq!(texts.local(), b"<sip:a@h>;tag=1");
                    assert_eq!(texts.remote(), remote);
                    assert_eq!(texts.tag(), tag);
                    assert_eq!(texts.target(), target);
                    assert!(texts.routes().eq(routes.iter().copied()));
                    assert_eq!(texts.strict_router(), router);
                }
            }
        }
    }
}
