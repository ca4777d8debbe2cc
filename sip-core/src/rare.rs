//! A value that most agents never need.

use alloc::boxed::Box;
use core::ops::{Deref, DerefMut};

/// A type with a constant that stands for each value in which nothing is.
pub(crate) trait Empty: Sized + 'static {
    /// The empty value.
    const EMPTY: &'static Self;

    /// A new empty value.
    fn empty() -> Self;

    /// Whether nothing is lost with the value: another one would behave as it does.
    fn is_disposable(&self) -> bool {
        false
    }
}

/// Implements [`Empty`] for types whose `new` is constant.
macro_rules! empty {
    ($($type:ty),* $(,)?) => {
        $(impl $crate::rare::Empty for $type {
            const EMPTY: &'static Self = &Self::new();

            fn empty() -> Self {
                Self::new()
            }
        })*
    };
}
pub(crate) use empty;

/// A value on the heap, from its first change on. Before it reads as the empty one.
#[cfg_attr(test, derive(Clone))]
pub(crate) struct Rare<T>(Option<Box<T>>);

impl<T: Empty> Rare<T> {
    pub(crate) const fn new() -> Self {
        Self(None)
    }

    /// The value, if it was changed once: a step that concerns only what is in it need not make it.
    pub(crate) fn made(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// Frees the value, if another empty one would behave as it does.
    pub(crate) fn shrink(&mut self) {
        self.0.take_if(|value| value.is_disposable());
    }
}

impl<T: Empty> Deref for Rare<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

impl<T: Empty> DerefMut for Rare<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_with(|| Box::new(T::empty()))
    }
}
