//! Depth first through every state that a world can reach, for the explorations of calls and of registrations.
//!
//! A world says what can happen next; the search carries out each move on a copy. States are told apart by a digest, which the
//! world computes by hand, so that times are relative and handles do not count. A digest that leaves something out would hide
//! states: therefore the search now and then expands a state that it has met before, and compares where that leads.

extern crate std;

use core::fmt::{Debug, Write};
use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use crate::time::Timestamp;

/// Every so many times that a known state is met, its moves are compared with those of the first meeting.
const COMPARED: u64 = 8;

/// Something whose states are searched.
pub(crate) trait World: Clone {
    type Move: Copy + Debug;

    /// What can happen next; nothing at the end.
    fn moves(&self) -> Vec<Self::Move>;

    /// Lets one of the moves happen.
    fn carry_out(&mut self, what: Self::Move);

    /// Equal for states that go on alike.
    fn digest(&self) -> u64;

    /// What is wrong in this state, or was on the way.
    fn fault(&self) -> Option<String>;

    /// What is wrong if this is the end.
    fn fault_at_the_end(&self) -> Option<String>;

    /// The state for people.
    fn show(&self) -> String;
}

/// What a search found.
pub(crate) struct Found<M> {
    pub(crate) states: usize,
    pub(crate) moves: usize,
    pub(crate) ends: usize,
    /// Known states that were expanded again.
    pub(crate) compared: usize,
    /// The longest way.
    pub(crate) depth: usize,
    /// The first thing that was wrong, with the shortest way there that leaving out moves finds.
    pub(crate) fault: Option<(String, Vec<M>)>,
}

struct Level<W: World> {
    key: u64,
    how: Option<W::Move>,
    rest: Vec<(W::Move, W)>,
}

/// All states from `start` on; stops at the first fault.
pub(crate) fn search<W: World>(start: &W) -> Found<W::Move> {
    let mut found = Found {
        states: 0,
        moves: 0,
        ends: 0,
        compared: 0,
        depth: 0,
        fault: None,
    };
    let mut known: BTreeMap<u64, u64> = BTreeMap::new();
    let (key, mut rest) = (start.digest(), successors(start));
    known.insert(key, digest_of(&rest));
    let how = None;
    rest.reverse();
    let mut way: Vec<Level<W>> = Vec::from([Level { key, how, rest }]);
    let mut met: u64 = 0;
    while let Some(level) = way.last_mut() {
        let Some((how, world)) = level.rest.pop() else {
            way.pop();
            continue;
        };
        found.moves += 1;
        found.depth = found.depth.max(way.len());
        let mut fault = world.fault();
        let key = world.digest();
        let before = known.get(&key).copied();
        if let (None, Some(before)) = (&fault, before) {
            met += 1;
            if way.iter().any(|earlier| earlier.key == key) {
                fault = Some("this goes on for ever".into());
            } else if !met.is_multiple_of(COMPARED) {
                continue;
            } else {
                found.compared += 1;
                if digest_of(&successors(&world)) == before {
                    continue;
                }
                fault = Some("the digest leaves something out".into());
            }
        }
        let mut rest = Vec::new();
        if fault.is_none() {
            rest = successors(&world);
            if rest.is_empty() {
                found.ends += 1;
                fault = world.fault_at_the_end();
            }
        }
        if let Some(fault) = fault {
            let ways = way.iter().filter_map(|level| level.how).chain([how]);
            found.fault = Some((fault, shorter(start, ways.collect())));
            break;
        }
        known.insert(key, digest_of(&rest));
        rest.reverse();
        let how = Some(how);
        way.push(Level { key, how, rest });
    }
    found.states = known.len();
    found
}

fn successors<W: World>(world: &W) -> Vec<(W::Move, W)> {
    let moves = world.moves().into_iter();
    let after = moves.map(|what| {
        let mut after = world.clone();
        after.carry_out(what);
        (what, after)
    });
    after.collect()
}

fn digest_of<W: World>(successors: &[(W::Move, W)]) -> u64 {
    let keys = successors.iter().map(|(_, world)| world.digest());
    keys.fold(successors.len() as u64, |sum, key| {
        sum.wrapping_add(mix(key))
    })
}

/// Where a way leads to; `None` if one of its moves is not possible.
fn replay<W: World>(start: &W, way: &[W::Move]) -> Option<(W, Option<String>)> {
    let mut world = start.clone();
    for &what in way {
        let name = std::format!("{what:?}");
        let moves = world.moves();
        moves
            .iter()
            .find(|other| std::format!("{other:?}") == name)?;
        world.carry_out(what);
        if let Some(fault) = world.fault() {
            return Some((world, Some(fault)));
        }
    }
    let ends = world.moves().is_empty();
    let fault = if ends { world.fault_at_the_end() } else { None };
    Some((world, fault))
}

/// Leaves out every move that the fault does not need.
fn shorter<W: World>(start: &W, way: Vec<W::Move>) -> Vec<W::Move> {
    let mut way = way;
    loop {
        let length = way.len();
        for place in (0..length).rev() {
            for span in [4, 3, 2, 1] {
                if place + span > way.len() {
                    continue;
                }
                let mut less = way.clone();
                less.drain(place..place + span);
                if matches!(replay(start, &less), Some((_, Some(_)))) {
                    way = less;
                }
            }
        }
        if way.len() == length {
            return way;
        }
    }
}

/// A way in words, with the state behind each move.
pub(crate) fn tell<W: World>(start: &W, way: &[W::Move]) -> String {
    let mut text = String::new();
    let mut world = start.clone();
    for &what in way {
        world.carry_out(what);
        let _ = writeln!(text, "  {what:?}\n      {}", world.show());
    }
    text
}

/// Hashes what a state consists of. A fixed function of the inputs, and fast.
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) const fn new() -> Self {
        Self(0x243f_6a88_85a3_08d3)
    }

    pub(crate) fn number(&mut self, number: u64) -> &mut Self {
        self.0 = mix(self.0 ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        self
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut eight = [0; 8];
            eight[..chunk.len()].copy_from_slice(chunk);
            self.number(u64::from_le_bytes(eight));
        }
        self
    }

    /// A value by its `Debug` form.
    pub(crate) fn debug(&mut self, value: &dyn Debug) -> &mut Self {
        let _ = write!(self, "{value:?}");
        self
    }

    /// A value by its `Debug` form, with each `Timestamp` relative to `now`.
    pub(crate) fn debug_at(&mut self, value: &dyn Debug, now: Timestamp) -> &mut Self {
        let text = std::format!("{value:?}");
        for word in text.split([' ', ',', '(', ')', '[', ']']) {
            match micros(word) {
                Some(at) => self.number(at.wrapping_sub(now.as_micros())),
                None => self.bytes(word.as_bytes()),
            };
        }
        self
    }

    pub(crate) const fn finish(&self) -> u64 {
        self.0
    }
}

/// A `Timestamp` in its `Debug` form.
fn micros(word: &str) -> Option<u64> {
    let (seconds, micros) = word.strip_suffix('s')?.split_once('.')?;
    if micros.len() != 6 {
        return None;
    }
    let (seconds, micros): (u64, u64) = (seconds.parse().ok()?, micros.parse().ok()?);
    Some(seconds * 1_000_000 + micros)
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// The finalizer of MurmurHash3.
pub(crate) const fn mix(number: u64) -> u64 {
    let mut number = number;
    number ^= number >> 33;
    number = number.wrapping_mul(0xff51_afd7_ed55_8ccd);
    number ^= number >> 33;
    number = number.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    number ^ (number >> 33)
}

/// A message without its first Via, which alone names the handle of the transaction.
pub(crate) fn digest_message(bytes: &[u8]) -> u64 {
    let mut lines = bytes.splitn(3, |&byte| byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let rest = lines.nth(1).unwrap_or_default();
    Digest::new().bytes(first).bytes(rest).finish()
}

/// Entropy that always draws the same number.
pub(crate) struct Constant(pub(crate) u64);

impl rand_core::TryRng for Constant {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(self.0 as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(self.0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        bytes.fill(self.0 as u8);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Constant {}

/// The `Constant` in a box, as the core takes it.
pub(crate) fn constant(number: u64) -> alloc::boxed::Box<dyn rand_core::CryptoRng + Send> {
    alloc::boxed::Box::new(Constant(number))
}
