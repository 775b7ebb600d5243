//! Divides a data set into training, validation and test images.
//!
//! The same labels, fractions, limit and seed give the same split on every platform: shuffles draw
//! 64-bit numbers whatever the width of `usize`, and shares are computed by IEEE operations only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::error::DataError;
use super::images::Images;
use super::part::Part;
use crate::rng::{Stream, rng};

/// How far from 1 the three fractions may sum, for thirds written in decimals.
const SUM_TOLERANCE: f64 = 1e-6;

/// The shares of the images that each split gets, as `--split` takes them: `0.8,0.1,0.1`.
///
/// Each is above 0 and below 1, and they sum to 1. Stored by serde as that text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SplitFractions {
    /// Share of the images that the model learns from.
    pub train: f64,
    /// Share of the images that choose the best epoch.
    pub validation: f64,
    /// Share of the images that judge the result.
    pub test: f64,
}

impl SplitFractions {
    /// Checks the rules above.
    ///
    /// # Errors
    /// [`DataError::Fractions`] if one is broken.
    pub fn validate(&self) -> Result<(), DataError> {
        let parts = [self.train, self.validation, self.test];
        let sum: f64 = parts.iter().sum();
        let problem = if let Some(part) = parts.iter().find(|part| !(**part > 0.0 && **part < 1.0))
        {
            format!("{part:?} is not between 0 and 1")
        } else if (sum - 1.0).abs() > SUM_TOLERANCE {
            format!("the sum is {sum:?}")
        } else {
            return Ok(());
        };
        Err(DataError::Fractions { problem })
    }
}

impl Default for SplitFractions {
    fn default() -> Self {
        Self {
            train: 0.8,
            validation: 0.1,
            test: 0.1,
        }
    }
}

impl fmt::Display for SplitFractions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // With an exponent where there would be hundreds of digits.
        write!(f, "{:?},{:?},{:?}", self.train, self.validation, self.test)
    }
}

impl FromStr for SplitFractions {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let error = |problem| DataError::Fractions { problem };
        let parts = text
            .split(',')
            .map(|part| {
                part.trim()
                    .parse()
                    .map_err(|_| error(format!("`{}` is not a number", part.trim())))
            })
            .collect::<Result<Vec<f64>, _>>()?;
        let &[training, validation, testing] = parts.as_slice() else {
            return Err(error(format!("{} numbers given, not 3", parts.len())));
        };
        let fractions = Self {
            train: training,
            validation,
            test: testing,
        };
        fractions.validate()?;
        Ok(fractions)
    }
}

impl TryFrom<String> for SplitFractions {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<SplitFractions> for String {
    fn from(fractions: SplitFractions) -> Self {
        fractions.to_string()
    }
}

/// Indices into a data set, each in one split only, rising within each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Images that the model learns from.
    pub train: Vec<u32>,
    /// Images that choose the best epoch.
    pub validation: Vec<u32>,
    /// Images that judge the result.
    pub test: Vec<u32>,
}

impl Split {
    /// Divides the images that have these `labels`, in every class by the same `fractions`. Images
    /// without classes are all of one.
    ///
    /// The images of each class are shuffled by `seed`. With `limit`, the first of each class are
    /// taken, in proportion to the classes, `limit` in all; the images of a smaller limit are thus
    /// (up to rounding) among those of a larger one. Sizes in total are the exact shares, rounded.
    ///
    /// # Errors
    /// [`DataError::Fractions`] if `fractions` are not valid; [`DataError::EmptySplit`] if a split
    /// would be empty.
    pub fn stratified(
        labels: &[u32],
        fractions: &SplitFractions,
        seed: u64,
        limit: Option<usize>,
    ) -> Result<Self, DataError> {
        fractions.validate()?;
        let shares = [fractions.train, fractions.validation, fractions.test];
        let parts = divide(labels, &shares, seed, limit);
        let images = limit.unwrap_or(labels.len()).min(labels.len());
        Self::of_parts(parts, fractions, images)
    }

    /// Divides `images` as [`stratified`](Self::stratified) does, and keeps equal ones together: of those, the
    /// first is drawn, and the others follow it. Where folders are the split, it's theirs; a part that has no
    /// folder is drawn from the training images, by the `fractions`.
    ///
    /// # Errors
    /// As [`stratified`](Self::stratified).
    ///
    /// # Panics
    /// Never: each image of a collection is one of its files.
    pub fn of(
        images: &Images,
        fractions: &SplitFractions,
        seed: u64,
        limit: Option<usize>,
    ) -> Result<Self, DataError> {
        let labels = match images.labels() {
            Some(labels) => labels.ids.clone(),
            None => vec![0; images.len()],
        };
        let Some(collection) = images.collection() else {
            return Self::stratified(&labels, fractions, seed, limit);
        };
        let equal = Equal::new(collection.files.iter().map(|file| file.sha256.as_str()));
        let part = |index: &u32| collection.files[*index as usize].part;
        if collection.files.iter().all(|file| file.part.is_none()) {
            let split = Self::stratified(&equal.of_firsts(&labels), fractions, seed, limit)?;
            return Ok(Self {
                train: equal.rows(&split.train),
                validation: equal.rows(&split.validation),
                test: equal.rows(&split.test),
            });
        }
        fractions.validate()?;
        let all: Vec<u32> = (0..).take(images.len()).collect();
        let mut rows = [Part::Train, Part::Validation, Part::Test].map(|wanted| {
            all.iter()
                .copied()
                .filter(|row| part(row) == Some(wanted))
                .collect()
        });
        let shares = [fractions.train, fractions.validation, fractions.test];
        let hash = |row: u32| collection.files[row as usize].sha256.as_str();
        draw_missing(&mut rows, shares, &labels, hash, seed);
        warn_of_equal(&rows, &equal);
        if let Some(limit) = limit {
            let sizes: Vec<usize> = rows.iter().map(Vec::len).collect();
            let limit = limit.min(images.len());
            for (rows, quota) in rows.iter_mut().zip(apportion(limit, &sizes)) {
                let drawn = divide(&labels_of(rows, &labels), &[1.0], seed, Some(quota));
                *rows = drawn[0].iter().map(|&place| rows[place as usize]).collect();
            }
        }
        let images = rows.iter().map(Vec::len).sum();
        Self::of_parts(rows.to_vec(), fractions, images)
    }

    /// Checks that no part is empty.
    fn of_parts(
        parts: Vec<Vec<u32>>,
        fractions: &SplitFractions,
        images: usize,
    ) -> Result<Self, DataError> {
        let mut parts: [Vec<u32>; 3] = parts.try_into().expect("three shares");
        if parts.iter().any(Vec::is_empty) {
            let [training, validation, test] = parts.map(|part| part.len());
            let fractions = fractions.to_string();
            return Err(DataError::EmptySplit {
                duplicates: 0,
                fractions,
                images,
                training,
                validation,
                test,
            });
        }
        for part in &mut parts {
            part.sort_unstable();
        }
        let [train, validation, test] = parts;
        Ok(Self {
            train,
            validation,
            test,
        })
    }
}

/// Which images are equal.
struct Equal {
    /// For each different image, in the order of their firsts, all places that have it.
    places: Vec<Vec<u32>>,
}

impl Equal {
    fn new<'a>(hashes: impl Iterator<Item = &'a str>) -> Self {
        let mut known = HashMap::new();
        let mut places: Vec<Vec<u32>> = Vec::new();
        for (row, hash) in (0..).zip(hashes) {
            let place = *known.entry(hash).or_insert(places.len());
            if place == places.len() {
                places.push(Vec::new());
            }
            places[place].push(row);
        }
        Self { places }
    }

    /// Of each different image, the label of the first.
    fn of_firsts(&self, labels: &[u32]) -> Vec<u32> {
        let firsts = self.places.iter().map(|rows| rows[0] as usize);
        firsts.map(|row| labels[row]).collect()
    }

    /// All places of some different images, sorted.
    fn rows(&self, different: &[u32]) -> Vec<u32> {
        let places = different
            .iter()
            .flat_map(|&place| &self.places[place as usize]);
        let mut rows: Vec<u32> = places.copied().collect();
        rows.sort_unstable();
        rows
    }
}

/// Says if folders that are the split have equal images.
fn warn_of_equal(rows: &[Vec<u32>; 3], equal: &Equal) {
    let [train, others @ ..] = rows;
    let is_train: HashSet<&u32> = train.iter().collect();
    let others: HashSet<&u32> = others.iter().flatten().collect();
    let seen = equal
        .places
        .iter()
        .filter(|rows| rows.iter().any(|row| is_train.contains(row)));
    let seen = seen.flatten().filter(|row| others.contains(row)).count();
    if seen > 0 {
        tracing::warn!(
            "{} equal to a training image, so that scores are better than they should be",
            match seen {
                1 => "1 validation or test image is".to_owned(),
                seen => format!("{seen} validation or test images are"),
            }
        );
    }
}

/// Moves training images into the parts that have none, by the shares, equal ones together.
fn draw_missing<'a>(
    rows: &mut [Vec<u32>; 3],
    shares: [f64; 3],
    labels: &[u32],
    hash: impl Fn(u32) -> &'a str,
    seed: u64,
) {
    let missing: Vec<usize> = (1..3).filter(|&part| rows[part].is_empty()).collect();
    if missing.is_empty() {
        return;
    }
    let parts: Vec<usize> = [0].into_iter().chain(missing).collect();
    let sum: f64 = parts.iter().map(|&part| shares[part]).sum();
    let shares: Vec<f64> = parts.iter().map(|&part| shares[part] / sum).collect();
    let train = std::mem::take(&mut rows[0]);
    let equal = Equal::new(train.iter().map(|&row| hash(row)));
    let firsts = equal.of_firsts(&labels_of(&train, labels));
    let drawn = divide(&firsts, &shares, seed, None);
    for (part, drawn) in parts.into_iter().zip(drawn) {
        let places = equal.rows(&drawn).into_iter();
        rows[part] = places.map(|place| train[place as usize]).collect();
        rows[part].sort_unstable();
    }
}

fn labels_of(rows: &[u32], labels: &[u32]) -> Vec<u32> {
    rows.iter().map(|&row| labels[row as usize]).collect()
}

/// The places of `labels`, or of `limit` of them, in as many parts as there are shares, in every class by the
/// same ones.
fn divide(labels: &[u32], shares: &[f64], seed: u64, limit: Option<usize>) -> Vec<Vec<u32>> {
    let mut classes: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (index, label) in (0..).zip(labels) {
        classes.entry(*label).or_default().push(index);
    }
    let images = limit.unwrap_or(labels.len()).min(labels.len());
    let class_sizes: Vec<usize> = classes.values().map(Vec::len).collect();
    let quotas = apportion(images, &class_sizes);

    let mut parts = vec![Vec::new(); shares.len()];
    let mut taken = 0;
    for ((label, indices), quota) in classes.iter().zip(quotas) {
        let order = shuffled(indices, &mut rng(seed, Stream::Split, u64::from(*label)));
        let mut counts = vec![0; shares.len()];
        for _ in 0..quota {
            taken += 1;
            let sizes = parts.iter().zip(&counts);
            let sizes: Vec<usize> = sizes.map(|(part, count)| Vec::len(part) + count).collect();
            counts[furthest_behind(shares, &sizes, taken)] += 1;
        }
        let mut rest = order.as_slice();
        for (part, count) in parts.iter_mut().zip(counts) {
            let (taken, left) = rest.split_at(count);
            part.extend_from_slice(taken);
            rest = left;
        }
    }
    parts
}

/// The split that lacks most of its share of the first `taken` images.
///
/// Handing out images one by one this way keeps the sizes in total right however small the classes
/// are; rounding each class by itself would add up the errors of ten classes.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of images are far below 2^52"
)]
fn furthest_behind(shares: &[f64], sizes: &[usize], taken: usize) -> usize {
    let lack = |i: usize| shares[i] * taken as f64 - sizes[i] as f64;
    // Ties go to the earlier split.
    (1..shares.len()).fold(0, |best, i| if lack(i) > lack(best) { i } else { best })
}

/// Divides `total`, at most the sum of `sizes`, in proportion to `sizes`, by largest remainder.
fn apportion(total: usize, sizes: &[usize]) -> Vec<usize> {
    // 128 bits hold the product of any two sizes.
    let sum = sizes.iter().sum::<usize>().max(1) as u128;
    let scaled = |i: usize| total as u128 * sizes[i] as u128;
    // A quota is at most its class's size, so the cast back loses nothing.
    let mut quotas: Vec<usize> = (0..sizes.len())
        .map(|i| (scaled(i) / sum) as usize)
        .collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    // A stable sort: of equal remainders, the lower class comes first.
    order.sort_by_key(|i| std::cmp::Reverse(scaled(*i) % sum));
    let left = total - quotas.iter().sum::<usize>();
    for i in order.into_iter().take(left) {
        quotas[i] += 1;
    }
    quotas
}

/// The `indices` in an order drawn from `rng`: a Fisher-Yates shuffle from the end.
///
/// A number below `n` is the upper half of the 128-bit product of `n` and a 64-bit draw (Lemire,
/// "Fast Random Integer Generation in an Interval", without the rejection: the bias is below
/// `n / 2^64`). Exactly one draw per step makes the order a function of the generator alone.
#[must_use]
pub fn shuffled(indices: &[u32], rng: &mut impl Rng) -> Vec<u32> {
    let mut order = indices.to_vec();
    for last in (1..order.len()).rev() {
        let choices = last as u128 + 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the result is at most `last`"
        )]
        let chosen = ((u128::from(rng.next_u64()) * choices) >> 64) as usize;
        order.swap(last, chosen);
    }
    order
}

/// At most `count` of the places from 0 to `all`, as evenly as they can be.
#[must_use]
pub fn evenly(all: usize, count: usize) -> Vec<usize> {
    let count = count.min(all);
    (0..count).map(|place| place * all / count).collect()
}

/// The same of `rows`.
#[must_use]
pub fn thinned(rows: &[u32], count: usize) -> Vec<u32> {
    let places = evenly(rows.len(), count).into_iter();
    places.map(|place| rows[place]).collect()
}
