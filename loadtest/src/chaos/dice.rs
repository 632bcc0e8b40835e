//! Chance that can be repeated: xorshift64*.

use std::time::Duration;

#[derive(Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of one player, who gets the same throws with the same seed.
    pub fn new(seed: u64, player: u64) -> Self {
        let mixed =
            (seed ^ player.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mut dice = Self(mixed | 1);
        dice.roll(2);
        dice
    }

    /// A number below `sides`; 0 if there are none.
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides.max(1)
    }

    pub fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.roll(to + 1 - from)
    }

    pub fn millis(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis(self.between(from, to) as u64)
    }

    pub fn pick<'t, T>(&mut self, among: &'t [T]) -> &'t T {
        &among[self.roll(among.len())]
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.roll(256) as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn the_seed_and_the_player_decide() {
        let throws = |seed, player| {
            let mut dice = Dice::new(seed, player);
            (0..20).map(|_| dice.roll(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(throws(1, 2), throws(1, 2));
        assert_ne!(throws(1, 2), throws(1, 3));
        assert_ne!(throws(1, 2), throws(2, 2));
        assert!((0..1_000).all(|player| (3..=5).contains(&Dice::new(7, player).between(3, 5))));
    }
}
