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

/// How values are read: the limit on parameters, and lenient or strict, as the crate documentation describes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Parameters allowed in one value.
    pub(crate) parameters: u16,
    /// Whether the reader accepts only what the grammar allows.
    pub(crate) strict: bool,
}

impl Rules {
    /// Lenient reading under the default limits.
    pub(crate) const DEFAULT: Rules = Rules::lenient(Limits::DEFAULT.parameters);

    pub(crate) const fn lenient(parameters: u16) -> Rules {
        Rules {
            parameters,
            strict: false,
        }
    }

    pub(crate) const fn strict(parameters: u16) -> Rules {
        Rules {
            parameters,
            strict: true,
        }
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
