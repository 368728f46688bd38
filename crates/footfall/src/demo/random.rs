//! SplitMix64 (Steele, Lea, Flood 2014): the same numbers for a seed in every version of this program, which no library's
//! generator promises. Good enough for traffic, not for secrets.

/// A generator of numbers.
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `[0, end)`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// Whether something of this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `choices`, by weight.
    pub fn pick<'a, T>(&mut self, choices: &'a [(u32, T)]) -> &'a T {
        let total = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = self.below(total);
        let chosen = choices.iter().find(|(weight, _)| {
            let here = left < u64::from(*weight);
            left = left.saturating_sub(u64::from(*weight));
            here
        });
        chosen.or(choices.last()).map(|(_, choice)| choice).expect("a table of choices is not empty")
    }

    /// A rank from 0 below `count`, by Zipf's law with exponent 1: rank r is about 1/(r+1) as likely as rank 0.
    pub fn zipf(&mut self, count: u64) -> u64 {
        let rank = ((count as f64 + 1.0).ln() * self.unit()).exp() as u64;
        rank.saturating_sub(1).min(count.saturating_sub(1))
    }

    /// Exponentially distributed around `mean`.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}
