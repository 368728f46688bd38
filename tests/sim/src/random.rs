//! The one source of chance: everything that a day draws comes from its seed, in an order that does not depend on the machine.

/// SplitMix64 (Steele, Lea, Flood 2014): a few lines, every seed is good, and neighbours share nothing.
pub struct Random(u64);

impl Random {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not zero. The bias of the remainder is below 2⁻⁴⁰ for the small ranges asked for here.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number of milliseconds (or of anything signed) below `end`.
    pub fn ms(&mut self, end: i64) -> i64 {
        i64::try_from(self.below(end.unsigned_abs().max(1))).unwrap_or_default()
    }

    /// Whether something happens that happens so many times in a thousand.
    pub fn permille(&mut self, rate: u64) -> bool {
        rate > 0 && self.below(1_000) < rate
    }

    /// One in so many.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())].clone()
    }

    /// An index into something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// Bytes for a key.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for eight in bytes.chunks_exact_mut(8) {
            eight.copy_from_slice(&self.next().to_le_bytes());
        }
        bytes
    }
}
