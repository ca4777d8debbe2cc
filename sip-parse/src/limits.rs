//! Named bounds on what a peer may send.

/// Bounds on what a peer may send. The reader checks them before it allocates; each has its own kind of
/// [`ParseError`](crate::ParseError).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes in a whole message. Default 131,072.
    pub message: usize,
    /// Bytes in the start line, all header lines and the blank line. Default and highest value: 65,535.
    pub head: usize,
    /// Bytes in a body. Default 65,536.
    pub body: usize,
    /// Header rows in a message. Default 256.
    pub headers: u16,
    /// Bytes in one header field with its folded lines, and in the start line. Default 8,192.
    pub header_line: usize,
    /// Continuation lines of one header field. Default 64.
    pub folds: u16,
    /// Parameters of one value, be it a URI, a Via, a Contact or credentials. Default 64.
    pub parameters: u16,
    /// Parts of a multipart body, over all levels. Default 64.
    pub parts: u16,
    /// Levels of multipart bodies within each other. Default 4.
    pub part_depth: u8,
}

impl Limits {
    /// The bounds of [`Limits::default`].
    pub const DEFAULT: Limits = Limits {
        message: 131_072,
        head: 65_535,
        body: 65_536,
        headers: 256,
        header_line: 8_192,
        folds: 64,
        parameters: 64,
        parts: 64,
        part_depth: 4,
    };

    /// The widest bounds that the record layout allows: a head of 65,535 bytes and a body of 2^32 - 1 bytes.
    pub const MAX: Limits = Limits {
        message: u32::MAX as usize,
        head: 65_535,
        body: u32::MAX as usize - 65_535,
        headers: u16::MAX,
        header_line: 65_535,
        folds: u16::MAX,
        parameters: u16::MAX,
        parts: u16::MAX,
        part_depth: u8::MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

/// How values are read: the limit on parameters, and which departures from the grammar the reader accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Parameters allowed in one value.
    pub(crate) parameters: u16,
    /// Whether the reader accepts only what the grammar allows.
    pub(crate) strict: bool,
    /// Whether a list may have empty elements, and a `;` may stand behind the last parameter. Only what is received may;
    /// the builder refuses both.
    pub(crate) empties: bool,
    /// Whether the parameters of a URI without angle brackets belong to the URI, as in a route, and not to the header
    /// field (RFC 3261 section 20.30: a route has brackets).
    pub(crate) route: bool,
}

impl Rules {
    /// Lenient reading under the default limits.
    pub(crate) const DEFAULT: Rules = Rules::lenient(Limits::DEFAULT.parameters);

    pub(crate) const fn lenient(parameters: u16) -> Rules {
        Rules {
            parameters,
            strict: false,
            empties: true,
            route: false,
        }
    }

    /// What the builder checks: the lenient grammar without what [`Rules::empties`] adds to it.
    pub(crate) const fn written(parameters: u16) -> Rules {
        Rules {
            empties: false,
            ..Rules::lenient(parameters)
        }
    }

    pub(crate) const fn strict(parameters: u16) -> Rules {
        Rules {
            strict: true,
            ..Rules::written(parameters)
        }
    }

    /// These rules for a field whose values are routes or not.
    pub(crate) const fn for_route(self, route: bool) -> Rules {
        Rules { route, ..self }
    }
}

/// The bounds on a multipart body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartLimits {
    /// Parts, over all levels.
    pub(crate) parts: u16,
    /// Levels of multipart bodies within each other.
    pub(crate) depth: u8,
}

impl PartLimits {
    pub(crate) const DEFAULT: PartLimits = PartLimits::of(&Limits::DEFAULT);

    pub(crate) const fn of(limits: &Limits) -> PartLimits {
        PartLimits {
            parts: limits.parts,
            depth: limits.part_depth,
        }
    }
}
