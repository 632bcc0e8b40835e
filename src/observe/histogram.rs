//! How long things took, by powers of two of a second.

use super::counters::Counter;

/// The exponent of the first bound: 2^-17 s are 7.6 µs, about what the quickest call takes.
const FIRST: i32 = -17;
/// The exponent of the last: 2^8 s are 256 s, about what the most patient clients wait.
const LAST: i32 = 8;

const COUNT: usize = (LAST - FIRST) as usize + 1;

/// The bounds of the buckets, in seconds. They are those of a native histogram of schema 0, so a
/// collector that keeps such ones loses nothing.
pub(crate) const BOUNDS: [f64; COUNT] = {
    let (mut bounds, mut index) = ([0.0; COUNT], 0);
    while index < COUNT {
        let exponent = FIRST + index as i32;
        bounds[index] = match exponent < 0 {
            true => 1.0 / (1_u64 << -exponent) as f64,
            false => (1_u64 << exponent) as f64,
        };
        index += 1;
    }
    bounds
};

/// Counts of durations. One thread adds without a lock, or many do.
#[derive(Default)]
pub(crate) struct Histogram {
    /// The last one has no bound.
    buckets: [Counter; COUNT + 1],
    sum_ns: Counter,
}

/// What a histogram says at one time; histograms are added up in it.
#[derive(Clone, Copy)]
pub(crate) struct Snapshot {
    pub(crate) buckets: [u64; COUNT + 1],
    pub(crate) sum_ns: u64,
}

impl Histogram {
    /// Counts so many things that took as long each. The caller is the only one who adds.
    #[inline]
    pub(crate) fn add_alone(&self, count: u64, each_ns: u64) {
        self.buckets[bucket(each_ns)].add_alone(count);
        self.sum_ns.add_alone(each_ns.wrapping_mul(count));
    }

    /// The same, where others add too.
    pub(crate) fn add(&self, count: u64, each_ns: u64) {
        self.buckets[bucket(each_ns)].add(count);
        self.sum_ns.add(each_ns.wrapping_mul(count));
    }
}

impl Snapshot {
    pub(crate) const ZERO: Snapshot = Snapshot { buckets: [0; COUNT + 1], sum_ns: 0 };

    /// Adds what a histogram has counted.
    pub(crate) fn include(&mut self, histogram: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&histogram.buckets) {
            *sum += bucket.get();
        }
        self.sum_ns = self.sum_ns.wrapping_add(histogram.sum_ns.get());
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(crate) fn sum_s(&self) -> f64 {
        self.sum_ns as f64 / 1e9
    }
}

/// The bucket of a duration: the first whose bound is not below it. The exponent of a double is the
/// logarithm that is asked for.
#[inline]
fn bucket(ns: u64) -> usize {
    let bits = (ns as f64 * 1e-9).to_bits();
    let floor = (bits >> 52) as i32 - 1023;
    let is_above = bits & ((1 << 52) - 1) != 0;
    (floor + i32::from(is_above) - FIRST).clamp(0, COUNT as i32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_under_the_first_bound_that_is_not_below_it() {
        for ns in [0, 1, 7_000, 7_700, 15_258, 15_259, 1_000_000, 999_999_999, 1_000_000_001] {
            let seconds = ns as f64 * 1e-9;
            let expected = BOUNDS.iter().position(|bound| seconds <= *bound);
            assert_eq!(bucket(ns), expected.unwrap_or(COUNT), "{ns}");
        }
        assert_eq!(bucket(1_000_000_000), BOUNDS.iter().position(|b| *b == 1.0).expect("a bound"));
        assert_eq!(bucket(256_000_000_001), COUNT);
        assert_eq!(bucket(u64::MAX), COUNT);
        assert_eq!((BOUNDS[0], BOUNDS[COUNT - 1]), (1.0 / 131_072.0, 256.0));
    }

    #[test]
    fn histograms_are_added_up() {
        let (one, other, mut sum) = (Histogram::default(), Histogram::default(), Snapshot::ZERO);
        one.add_alone(3, 10_000);
        other.add(2, 2_000_000_000);
        sum.include(&one);
        sum.include(&other);
        assert_eq!((sum.count(), sum.sum_ns), (5, 4_000_030_000));
    }
}
