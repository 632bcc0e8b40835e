//! Names to places, hashed: a lookup is a few instructions for each byte.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Names, and the place of each in its list.
pub(super) type Names = HashMap<String, usize, BuildHasherDefault<NameHasher>>;

/// FNV-1a. The names in the table are the application's own, so nobody can crowd a bucket.
pub(super) struct NameHasher(u64);

impl Default for NameHasher {
    fn default() -> Self {
        NameHasher(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for NameHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    #[inline]
    fn finish(&self) -> u64 {
        // hashbrown takes its tag from the top bits, where FNV mixes well.
        self.0
    }
}
