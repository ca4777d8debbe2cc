//! The digest of a dialog layer, for the explorations of the layers above.

use super::DialogLayer;
use crate::exploration::{Digest, mix};

impl<U: Copy> DialogLayer<U> {
    /// Everything that decides how the dialogs go on.
    pub(crate) fn digest(&self) -> u64 {
        let sets = self.sets.iter().map(|(handle, set)| {
            let mut digest = Digest::new();
            digest.number(handle.to_bits()).number(set.spent.into());
            for dialog in &set.dialogs {
                digest
                    .number(u64::from(dialog.local_cseq()))
                    .number(
                        dialog
                            .remote_cseq()
                            .map_or(0, |number| u64::from(number) + 1),
                    )
                    .number(u64::from(dialog.is_confirmed()))
                    .number(u64::from(dialog.shares))
                    .number(u64::from(dialog.is_left))
                    .bytes(dialog.remote_tag().unwrap_or_default())
                    .bytes(dialog.request_uri());
            }
            mix(digest.finish())
        });
        sets.fold(0, u64::wrapping_add)
    }
}
