//! Settings that many agents have in common.

use alloc::sync::Arc;

/// Lets `own` be the value of `other`, if both are equal, so that one of them is freed. Returns whether they are one now.
pub(crate) fn share<T: PartialEq + ?Sized>(own: &mut Arc<T>, other: &Arc<T>) -> bool {
    if Arc::ptr_eq(own, other) {
        return true;
    }
    let equal = **own == **other;
    if equal {
        own.clone_from(other);
    }
    equal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_become_one() {
        let first = Arc::new(1);
        let (mut equal, mut other) = (Arc::new(1), Arc::new(2));
        assert!(share(&mut equal, &first) && Arc::ptr_eq(&equal, &first));
        assert!(!share(&mut other, &first) && !Arc::ptr_eq(&other, &first));
    }
}
