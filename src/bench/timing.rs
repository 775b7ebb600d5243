//! How work on a device is timed, and how much of it fits.
//!
//! burn notes operations down and runs them later: a GPU after a flush, and with fusion not even the
//! notes become kernels before that. So a repetition ends with a flush while its result is still held
//! (what nobody holds needn't be computed, and two repetitions in one queue could become one kernel),
//! and a trial ends with a sync, which waits for all of it. A sync doesn't tell of kernels that never
//! ran, but reading their results does: the first repetition and the last one are read.
//!
//! Not everything fits everywhere. The work grows from a small number of images for as long as the
//! trials would end in time and nothing fails, and what was measured says how many images that were.

use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor};
use serde::Serialize;

use crate::device::catch_panics;

/// Trials shorter than this repeat the work, so that the timer and the wait for the device don't count.
const SHORTEST_TRIAL: f64 = 0.02;
/// Values in the first, small number of images: 4 MiB in f32.
const FIRST_VALUES: usize = 1 << 20;
/// How many times more images are tried next, at most. What a larger number costs isn't known before:
/// kernels are chosen anew for it, and some of the candidates are slow.
const LARGEST_GROWTH: f64 = 8.0;
/// The most that warming up may take: the cap over this.
const WARM_UP_SHARE: u32 = 4;
/// Characters of a device's message that a table has room for.
const LONGEST_MESSAGE: usize = 160;

/// How often and how long a piece of work is timed.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Trials that count.
    pub trials: usize,
    /// Trials before them that don't.
    pub warm_up: usize,
    /// How long all of them together may take.
    pub cap: Duration,
}

/// Queues the work once, and returns what it computes.
pub type Repetition = Box<dyn Fn() -> Tensor<4>>;

/// How long a piece of work takes.
#[derive(Clone, Debug, Serialize)]
pub struct Timing {
    /// The images that it was measured on.
    pub images: usize,
    /// Why these aren't all that were asked for.
    pub fewer_images_because: Option<String>,
    /// How many times a trial did the work.
    pub repetitions: usize,
    /// The trials' median: seconds for the work once, as all that follow.
    pub median_seconds: f64,
    /// The fastest trial.
    pub min_seconds: f64,
    /// The slowest trial.
    pub max_seconds: f64,
    /// Every trial, in their order: fewer than asked for where they'd have taken too long.
    pub trial_seconds: Vec<f64>,
}

impl Timing {
    /// Images a second, by the median.
    #[must_use]
    pub fn images_per_second(&self) -> f64 {
        to_f64(self.images) / self.median_seconds
    }
}

/// Times the work that `prepare` makes for a number of images of `values` each, as many of them as fit
/// and `largest` at most.
///
/// # Errors
///
/// Where not even one image works: what the device said.
pub fn measure(
    device: &Device,
    largest: usize,
    values: usize,
    effort: &Effort,
    prepare: impl Fn(usize) -> Repetition,
) -> Result<Timing, String> {
    let fit = fit(device, largest, values, effort, &prepare)?;
    caught(device, || time(device, fit, effort, &prepare))
}

/// How many images to measure.
struct Fit {
    images: usize,
    /// About how long so many take.
    seconds: f64,
    /// Why not more.
    limit: Option<String>,
}

/// Tries growing numbers of images: `largest`, halved some times.
fn fit(
    device: &Device,
    largest: usize,
    values: usize,
    effort: &Effort,
    prepare: &impl Fn(usize) -> Repetition,
) -> Result<Fit, String> {
    let cap = effort.cap.as_secs_f64();
    let mut fitting = None;
    let mut failing: Option<(usize, String)> = None;
    let mut next = halved(largest, FIRST_VALUES / values);
    loop {
        match caught(device, || attempt(device, next, prepare)) {
            Ok(seconds) => fitting = Some((next, seconds)),
            Err(message) if next == 1 => return Err(message),
            Err(message) => failing = Some((next, message)),
        }
        let ceiling = failing.as_ref().map_or(largest, |(images, _)| images - 1);
        let Some((images, seconds)) = fitting else {
            next = halved(largest, ceiling);
            continue;
        };
        let growth = cap / (seconds * to_f64(effort.warm_up + effort.trials));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and at most 8 times a count of images"
        )]
        let affordable = (to_f64(images) * growth.min(LARGEST_GROWTH)) as usize;
        next = halved(largest, affordable.min(ceiling));
        if next <= images {
            let limit = match failing {
                _ if next == largest => None,
                Some((_, message)) if halved(largest, affordable) > next => Some(message),
                _ => Some(format!("the trials of more would take longer than {cap} s")),
            };
            return Ok(Fit {
                images: next,
                seconds: seconds * to_f64(next) / to_f64(images),
                limit,
            });
        }
    }
}

/// Whether the work is possible, and about how many seconds it takes.
fn attempt(
    device: &Device,
    images: usize,
    prepare: &impl Fn(usize) -> Repetition,
) -> Result<f64, String> {
    let repetition = prepare(images);
    // Compiles kernels, and chooses among them.
    read(repetition())?;
    let (seconds, _) = repeat(device, &repetition, 1)?;
    Ok(seconds)
}

/// Times what [`fit`] found possible.
fn time(
    device: &Device,
    fit: Fit,
    effort: &Effort,
    prepare: &impl Fn(usize) -> Repetition,
) -> Result<Timing, String> {
    let repetition = prepare(fit.images);
    let repetitions = if fit.seconds > effort.cap.as_secs_f64() {
        1
    } else {
        repetitions(device, &repetition)?
    };
    let started = Instant::now();
    let in_time = |share: u32| started.elapsed() < effort.cap / share;
    let trial = || {
        let (seconds, result) = repeat(device, &repetition, repetitions)?;
        Ok::<_, String>((seconds / to_f64(repetitions), result))
    };
    // Long work is warm by now, and its time is better spent on trials.
    for _ in (0..effort.warm_up).take_while(|_| in_time(WARM_UP_SHARE)) {
        trial()?;
    }
    let (seconds, mut result) = trial()?;
    let mut trial_seconds = vec![seconds];
    while trial_seconds.len() < effort.trials && in_time(1) {
        drop(result);
        let (seconds, next) = trial()?;
        trial_seconds.push(seconds);
        result = next;
    }
    read(result)?;

    let mut sorted = trial_seconds.clone();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    Ok(Timing {
        images: fit.images,
        fewer_images_because: fit.limit,
        repetitions,
        median_seconds: median(&sorted).expect("a trial"),
        min_seconds: sorted[0],
        max_seconds: sorted[count - 1],
        trial_seconds,
    })
}

/// The middle of sorted numbers, or of the two in the middle; none of none.
#[must_use]
pub fn median(sorted: &[f64]) -> Option<f64> {
    let lower = sorted.len().checked_sub(1)? / 2;
    Some(f64::midpoint(sorted[lower], sorted[sorted.len() / 2]))
}

/// How often a trial has to do the work.
fn repetitions(device: &Device, repetition: &Repetition) -> Result<usize, String> {
    // Where kernels are still to be compiled, once more tells nothing.
    repeat(device, repetition, 1)?;
    let mut repetitions = 1;
    loop {
        let (seconds, _) = repeat(device, repetition, repetitions)?;
        if seconds >= SHORTEST_TRIAL {
            return Ok(repetitions);
        }
        // The wait for the device is a part of few repetitions, and hardly one of many, so what they
        // take isn't proportional to their number.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a factor from 2 to 10"
        )]
        let factor = (SHORTEST_TRIAL / seconds).clamp(2.0, 10.0).ceil() as usize;
        repetitions *= factor;
    }
}

/// Seconds for the work, so many times, and its last result.
fn repeat(
    device: &Device,
    repetition: &Repetition,
    times: usize,
) -> Result<(f64, Tensor<4>), String> {
    // What was queued before doesn't count.
    sync(device)?;
    let started = Instant::now();
    let mut result = repetition();
    for _ in 1..times {
        flush(device)?;
        drop(result);
        result = repetition();
    }
    sync(device)?;
    Ok((started.elapsed().as_secs_f64(), result))
}

fn flush(device: &Device) -> Result<(), String> {
    device.flush().map_err(|error| error.to_string())
}

fn sync(device: &Device) -> Result<(), String> {
    device.sync().map_err(|error| error.to_string())
}

/// Waits for a result, and checks that it is one.
fn read(result: Tensor<4>) -> Result<(), String> {
    let sum: f32 = result
        .sum()
        .try_into_scalar()
        .map_err(|error| error.to_string())?;
    if sum.is_finite() {
        Ok(())
    } else {
        Err(format!("the results add up to {sum}, which is no number"))
    }
}

/// What `run` returns, or a short word for the panic by which burn tells of some failures; then gives
/// the memory back, so that each measurement starts with all of it.
fn caught<T>(device: &Device, run: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let result = catch_panics(run).unwrap_or_else(|panic| Err(panic.message));
    // What can't be released after a failure is still in the way of the next attempt, which will say so.
    let _ = catch_panics(|| {
        let _ = device.sync();
        device.memory_cleanup();
    });
    result.map_err(|message| in_short(&message))
}

/// A device's message in one line: the last of its causes, or simply that memory didn't suffice.
fn in_short(message: &str) -> String {
    tracing::debug!("{message}");
    let lower = message.to_lowercase();
    let words = ["out of memory", "outofmemory", "not enough memory"];
    if words.iter().any(|word| lower.contains(word)) {
        return "out of memory".to_owned();
    }
    let cause = message
        .rsplit("Caused by:")
        .flat_map(str::lines)
        .map(str::trim)
        .find(|line| !line.is_empty());
    cause
        .unwrap_or("no reason given")
        .chars()
        .take(LONGEST_MESSAGE)
        .collect()
}

/// The largest number up to `limit` that halving makes of `largest`, and 1 at least.
fn halved(largest: usize, limit: usize) -> usize {
    let halvings = std::iter::successors(Some(largest), |images| Some(images / 2));
    halvings
        .take_while(|&images| images > 1)
        .find(|&images| images <= limit)
        .unwrap_or(1)
}

#[expect(clippy::cast_precision_loss, reason = "a count")]
fn to_f64(count: usize) -> f64 {
    count as f64
}
