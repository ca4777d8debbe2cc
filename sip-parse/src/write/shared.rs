//! Written messages in one allocation.

use alloc::vec::Vec;

use bytes::Bytes;

/// Bytes of a fixed size, of which the first `length` count.
struct Block<const SIZE: usize> {
    length: u16,
    bytes: [u8; SIZE],
}

impl<const SIZE: usize> AsRef<[u8]> for Block<SIZE> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

fn block<const SIZE: usize>(pieces: &[&[u8]], length: usize) -> Bytes {
    let mut block = Block {
        length: length as u16,
        bytes: [0; SIZE],
    };
    let mut at = 0;
    for piece in pieces {
        block.bytes[at..at + piece.len()].copy_from_slice(piece);
        at += piece.len();
    }
    Bytes::from_owner(block)
}

/// The pieces in one `Bytes`.
///
/// A transaction keeps most messages while they are sent, and a `Bytes` that was a vector allocates its count of references when
/// it is first cloned. Here the count stands before the bytes. Blocks have few sizes, so that most of each is used; a
/// long message has a vector.
pub(super) fn joined(pieces: &[&[u8]]) -> Bytes {
    let length = pieces.iter().map(|piece| piece.len()).sum();
    match length {
        0..=256 => block::<256>(pieces, length),
        257..=320 => block::<320>(pieces, length),
        321..=384 => block::<384>(pieces, length),
        385..=448 => block::<448>(pieces, length),
        449..=512 => block::<512>(pieces, length),
        513..=640 => block::<640>(pieces, length),
        641..=768 => block::<768>(pieces, length),
        769..=1024 => block::<1024>(pieces, length),
        _ => {
            let mut out = Vec::with_capacity(length);
            pieces.iter().for_each(|piece| out.extend_from_slice(piece));
            Bytes::from(out)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_length_are_joined() {
        for length in 0..1_200 {
            let expected: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let (one, rest) = expected.split_at(length / 3);
            let (two, three) = rest.split_at(rest.len() / 2);
            assert_eq!(joined(&[one, two, three]), expected);
        }
    }
}
