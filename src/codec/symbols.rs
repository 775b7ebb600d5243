//! Codes of whole numbers to bytes and back: binary decisions under probabilities that adapt, by a range coder.
//!
//! Each value of a code has probabilities of its own. They begin at what a Laplace distribution of the values'
//! spread says, and then learn from what has been coded, so that no table of them needs to be stored. All of it is
//! arithmetic of integers, or of `f64` operations that IEEE 754 defines to the bit: what one machine encodes, any
//! other decodes to the same numbers.
//!
//! A number is coded as: whether it is 0, its sign, how many bits it has, and these bits from the second on.

use std::borrow::Borrow;
use std::num::NonZeroU32;

use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{RangeDecoder, RangeEncoder};
use constriction::stream::{Decode, Encode};

/// Bits that the greatest magnitude has.
const MOST_BITS: usize = 24;
/// What a number may be at most, without its sign.
pub const GREATEST: u32 = (1 << MOST_BITS) - 1;

/// Bits of a probability for the range coder.
const PRECISION: usize = 16;
/// Bits that a probability has more while it adapts, so that small steps aren't rounded away.
const FINER: usize = 8;
const ONE: u32 = 1 << (PRECISION + FINER);
/// The least probability of either outcome: one in 8,192.
const LEAST: u32 = ONE >> 13;
/// Outcomes after which a probability is no longer their mean but follows them.
const MEMORY: u16 = 1023;
/// How many outcomes the spread of the values counts for.
const TRUST: u16 = 3;

/// The probability that a decision is yes.
#[derive(Clone, Copy, Debug)]
struct Chance {
    /// In `ONE`s.
    yes: u32,
    /// Outcomes that it has learnt from.
    seen: u16,
}

impl Chance {
    const EVEN: Self = Self {
        yes: ONE / 2,
        seen: 0,
    };

    /// A first guess, between 0 and 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 2^24"
    )]
    fn guessed(yes: f64) -> Self {
        Self {
            yes: ((yes * f64::from(ONE)) as u32).clamp(LEAST, ONE - LEAST),
            seen: TRUST,
        }
    }

    /// The mean of the outcomes, with half an outcome of either kind before them, and later one that forgets.
    fn learn(&mut self, yes: bool) {
        let share = 2 * u32::from(self.seen) + 3;
        let aim = if yes { ONE } else { 0 };
        let step = 2 * self.yes.abs_diff(aim) / share;
        self.yes = if yes {
            self.yes + step
        } else {
            self.yes - step
        };
        self.yes = self.yes.clamp(LEAST, ONE - LEAST);
        self.seen = (self.seen + 1).min(MEMORY);
    }
}

impl EntropyModel<PRECISION> for Chance {
    type Symbol = bool;
    type Probability = u32;
}

impl Chance {
    /// Where the part of an outcome begins, and how long it is: no comes first.
    fn part(self, yes: bool) -> (u32, NonZeroU32) {
        let no = (1 << PRECISION) - (self.yes >> FINER);
        let (start, length) = if yes {
            (no, (1 << PRECISION) - no)
        } else {
            (0, no)
        };
        let length = NonZeroU32::new(length);
        (start, length.expect("the least probability is above 0"))
    }
}

impl EncoderModel<PRECISION> for Chance {
    fn left_cumulative_and_probability(
        &self,
        symbol: impl Borrow<bool>,
    ) -> Option<(u32, NonZeroU32)> {
        Some(self.part(*symbol.borrow()))
    }
}

impl DecoderModel<PRECISION> for Chance {
    fn quantile_function(&self, quantile: u32) -> (bool, u32, NonZeroU32) {
        let (start, _) = self.part(true);
        let yes = quantile >= start;
        let (start, length) = self.part(yes);
        (yes, start, length)
    }
}

/// One direction of coding: takes a decision and gives it back, or finds out what it was.
trait Coder {
    fn decide(&mut self, chance: Chance, yes: bool) -> Option<bool>;
}

impl Coder for RangeEncoder<u32, u64> {
    fn decide(&mut self, chance: Chance, yes: bool) -> Option<bool> {
        self.encode_symbol(yes, chance).ok()?;
        Some(yes)
    }
}

impl Coder for RangeDecoder<u32, u64, constriction::backends::Cursor<u32, Vec<u32>>> {
    fn decide(&mut self, chance: Chance, _: bool) -> Option<bool> {
        self.decode_symbol(chance).ok()
    }
}

/// What is known of one value of a code.
#[derive(Clone, Debug)]
struct Chances {
    /// That it isn't 0, by how many of the two values before it aren't.
    nonzero: [Chance; 3],
    negative: Chance,
    /// That it has more bits than so many, counted from 1.
    longer: [Chance; MOST_BITS],
    /// That the bit behind these first ones is set, by their number and how many follow.
    bits: [[Chance; LED]; MOST_BITS],
}

/// First bits of a number, as a number, whose next bit has a probability of its own: at most two.
const LED: usize = 4;

impl Chances {
    /// Of values of this standard deviation, in steps; none if it isn't known.
    fn new(deviation: Option<f64>) -> Self {
        let mut chances = Self {
            nonzero: [Chance::EVEN; 3],
            negative: Chance::EVEN,
            longer: [Chance::EVEN; MOST_BITS],
            bits: [[Chance::EVEN; LED]; MOST_BITS],
        };
        let Some(deviation) = deviation else {
            return chances;
        };
        // Of a Laplace distribution: that a value is by so many steps larger.
        let scale = (deviation / std::f64::consts::SQRT_2).max(1e-3);
        let beyond = |steps: f64| decay(steps / scale);
        chances.nonzero = [Chance::guessed(beyond(0.5)); 3];
        let mut bit = 1.0;
        for longer in &mut chances.longer {
            *longer = Chance::guessed(beyond(bit));
            bit *= 2.0;
        }
        chances
    }

    /// Codes a number, which a decoder doesn't look at. None where the bytes aren't an encoder's.
    fn code(&mut self, coder: &mut impl Coder, value: i32, near: usize) -> Option<i32> {
        let magnitude = value.unsigned_abs();
        let mut decide = |chance: &mut Chance, yes: bool| {
            let yes = coder.decide(*chance, yes)?;
            chance.learn(yes);
            Some(yes)
        };
        if !decide(&mut self.nonzero[near], magnitude != 0)? {
            return Some(0);
        }
        let is_negative = decide(&mut self.negative, value < 0)?;
        let length = MOST_BITS.min((u32::BITS - magnitude.leading_zeros()) as usize);
        let mut bits = 1;
        while bits < MOST_BITS && decide(&mut self.longer[bits - 1], length > bits)? {
            bits += 1;
        }
        let mut found = 1_u32;
        for place in (0..bits - 1).rev() {
            let mut even = Chance::EVEN;
            let led = self.bits[place].get_mut(found as usize);
            let is_set = decide(led.unwrap_or(&mut even), magnitude >> place & 1 == 1)?;
            found = 2 * found + u32::from(is_set);
        }
        let found = i32::try_from(found).expect("it has 24 bits at most");
        Some(if is_negative { -found } else { found })
    }
}

/// e to the −x, x ≥ 0: by a product, since `exp` isn't the same to the last bit everywhere.
fn decay(x: f64) -> f64 {
    const SQUARINGS: i32 = 12;
    let mut power = (1.0 - x / f64::from(1 << SQUARINGS)).max(0.0);
    for _ in 0..SQUARINGS {
        power *= power;
    }
    power
}

/// The probabilities of all values of a code, in the state that what has been coded has brought them to.
#[derive(Clone, Debug)]
pub struct SymbolModel(Vec<Chances>);

impl SymbolModel {
    /// Of codes of `width` values, whose standard deviations in steps may be known.
    ///
    /// # Panics
    ///
    /// Where there are not as many deviations as values.
    #[must_use]
    pub fn new(width: usize, deviations: Option<&[f64]>) -> Self {
        assert!(deviations.is_none_or(|known| known.len() == width));
        let chances = (0..width).map(|place| Chances::new(deviations.map(|known| known[place])));
        Self(chances.collect())
    }

    /// Values of a code.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.len()
    }

    fn code(&mut self, coder: &mut impl Coder, values: &mut [i32]) -> Option<()> {
        for code in values.chunks_exact_mut(self.0.len()) {
            let mut before = [false; 2];
            for (value, chances) in code.iter_mut().zip(&mut self.0) {
                let near = before.into_iter().map(usize::from).sum();
                *value = chances.code(coder, *value, near)?;
                before = [before[1], *value != 0];
            }
        }
        Some(())
    }

    /// The bytes of some codes `[n, width]`, after those that it has coded before.
    ///
    /// # Panics
    ///
    /// Where a value is beyond [`GREATEST`], or a code isn't whole.
    #[must_use]
    pub fn encode(&mut self, values: &[i32]) -> Vec<u8> {
        assert!(values.len().is_multiple_of(self.width()), "whole codes");
        assert!(values.iter().all(|value| value.unsigned_abs() <= GREATEST));
        let mut coder = RangeEncoder::<u32, u64>::new();
        let done = self.code(&mut coder, &mut values.to_vec());
        done.expect("memory takes all that it's given");
        let words = coder.into_compressed().expect("memory takes all");
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// `count` codes `[count, width]`, and none where the bytes aren't of so many.
    #[must_use]
    pub fn decode(&mut self, bytes: &[u8], count: usize) -> Option<Vec<i32>> {
        let (words, []) = bytes.as_chunks() else {
            return None;
        };
        let words: Vec<u32> = words.iter().copied().map(u32::from_le_bytes).collect();
        let mut coder = RangeDecoder::<u32, u64, _>::from_compressed(words).ok()?;
        let mut values = vec![0; count * self.width()];
        self.code(&mut coder, &mut values)?;
        coder.maybe_exhausted().then_some(values)
    }
}
