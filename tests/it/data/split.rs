//! How images are divided and put in order.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use trainer::data::{ClassSelection, DataError, Images, Split, SplitFractions, shuffled};
use trainer::rng::{Stream, rng};

/// 7,000 labels of each of the two default classes, in turns of uneven length.
fn two_classes() -> Vec<u32> {
    let labels: Vec<u32> = (0..20_000_u32).map(|i| u32::from(i % 7 < 3)).collect();
    let mut counts = [0; 2];
    let few = |label: &u32| {
        counts[*label as usize] += 1;
        counts[*label as usize] <= 7_000
    };
    labels.into_iter().filter(few).collect()
}

fn default_split(labels: &[u32], seed: u64, limit: Option<usize>) -> Result<Split, DataError> {
    Split::stratified(labels, &SplitFractions::default(), seed, limit)
}

fn parts(split: &Split) -> [&Vec<u32>; 3] {
    [&split.train, &split.validation, &split.test]
}

fn of_class(indices: &[u32], labels: &[u32], class: u32) -> usize {
    indices
        .iter()
        .filter(|index| labels[**index as usize] == class)
        .count()
}

#[expect(clippy::cast_precision_loss, reason = "test sizes are small")]
fn float(count: usize) -> f64 {
    count as f64
}

fn sha256(numbers: &[u32]) -> String {
    let mut hash = Sha256::new();
    for number in numbers {
        hash.update(number.to_le_bytes());
    }
    format!("{:x}", hash.finalize())
}

#[test]
fn every_image_is_in_one_split_and_every_split_has_its_share_of_each_class() {
    let labels = two_classes();
    let split = default_split(&labels, 42, None).unwrap();
    for (part, share) in parts(&split).into_iter().zip([5_600, 700, 700]) {
        assert_eq!(
            [0, 1].map(|class| of_class(part, &labels, class)),
            [share; 2]
        );
        assert!(part.is_sorted());
    }
    let all: BTreeSet<u32> = parts(&split).into_iter().flatten().copied().collect();
    assert_eq!(all, (0..14_000).collect());
}

#[test]
fn no_image_is_in_two_splits_by_content() {
    let data = Images::fashion_mnist(&ClassSelection::default()).unwrap();
    let split = default_split(&data.labels().unwrap().ids, 42, None).unwrap();
    let contents = parts(&split).map(|part| -> BTreeSet<&[u8]> {
        part.iter()
            .map(|index| data.image(*index as usize))
            .collect()
    });
    assert_eq!(
        contents.each_ref().map(BTreeSet::len),
        [11_200, 1_400, 1_400]
    );
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        assert!(
            contents[a].is_disjoint(&contents[b]),
            "splits {a} and {b} share an image"
        );
    }
}

#[test]
fn a_seed_gives_the_same_split_everywhere() {
    // The pinned values also came out of a second implementation, in Python, of generator and split.
    let data = Images::fashion_mnist(&ClassSelection::default()).unwrap();
    let split = default_split(&data.labels().unwrap().ids, 42, None).unwrap();
    assert_eq!(
        sha256(&split.train),
        "36907abd8e2924863ddb6c34c2fea3b418c133c6f23e8c44963ba154bd7ce3ae"
    );
    assert_eq!(
        sha256(&split.validation),
        "be6758dde95b0bb60533284dcff78620b78b08db0e5d577c8d3bc80b8dc641d1"
    );
    assert_eq!(
        sha256(&split.test),
        "55135b190f2b833ff63a3d4dafd6691f2747b6b8bb87fce479f3552e20c68bb2"
    );
    assert_eq!(
        default_split(&data.labels().unwrap().ids, 42, None).unwrap(),
        split
    );
    assert_ne!(
        default_split(&data.labels().unwrap().ids, 43, None).unwrap(),
        split
    );
}

#[test]
fn the_division_of_one_class_does_not_depend_on_the_others() {
    let labels = [vec![0; 1000], vec![1; 500]].concat();
    let both = default_split(&labels, 7, None).unwrap();
    let alone = default_split(&labels[..1000], 7, None).unwrap();
    let of_first: Vec<u32> = both
        .test
        .into_iter()
        .filter(|index| *index < 1000)
        .collect();
    assert_eq!(of_first, alone.test);
}

#[test]
fn a_limit_takes_that_many_images_in_proportion_to_the_classes() {
    let labels = [vec![0; 600], vec![1; 300], vec![2; 100]].concat();
    let split = default_split(&labels, 1, Some(100)).unwrap();
    let all: Vec<u32> = parts(&split).into_iter().flatten().copied().collect();
    assert_eq!(
        [0, 1, 2].map(|class| of_class(&all, &labels, class)),
        [60, 30, 10]
    );
    assert_eq!(parts(&split).map(Vec::len), [80, 10, 10]);
    // More than there are is all of them.
    let whole = default_split(&labels, 1, None).unwrap();
    assert_eq!(default_split(&labels, 1, Some(5000)).unwrap(), whole);
}

#[test]
fn a_split_that_comes_out_empty_is_refused_with_its_sizes() {
    let labels = two_classes();
    for limit in [0, 1, 2] {
        let error = default_split(&labels, 1, Some(limit)).unwrap_err();
        assert_empty(&error, limit);
    }
    assert_empty(&default_split(&[], 1, None).unwrap_err(), 0);
    let message = default_split(&labels, 1, Some(4)).unwrap_err().to_string();
    for part in [
        "`limit`",
        "`split` 0.8,0.1,0.1",
        "of 4 images",
        "0 for test",
    ] {
        assert!(message.contains(part), "no {part} in: {message}");
    }
    assert_eq!(
        parts(&default_split(&labels, 1, Some(10)).unwrap()).map(Vec::len),
        [8, 1, 1]
    );
}

fn assert_empty(error: &DataError, total: usize) {
    match error {
        DataError::EmptySplit {
            images,
            training,
            validation,
            test,
            ..
        } => {
            assert_eq!(*images, total);
            assert_eq!(training + validation + test, total);
        }
        other => panic!("expected EmptySplit, got {other:?}"),
    }
}

#[test]
fn fractions_are_read_and_shown_alike() {
    let fractions: SplitFractions = " 0.7, 0.2 ,0.1".parse().unwrap();
    assert_eq!(
        fractions,
        SplitFractions {
            train: 0.7,
            validation: 0.2,
            test: 0.1
        }
    );
    assert_eq!(
        serde_json::to_string(&fractions).unwrap(),
        "\"0.7,0.2,0.1\""
    );
    assert_eq!(
        serde_json::from_str::<SplitFractions>("\"0.7,0.2,0.1\"").unwrap(),
        fractions
    );
    assert_eq!(SplitFractions::default().to_string(), "0.8,0.1,0.1");
    assert!(
        "0.3333333,0.3333333,0.3333333"
            .parse::<SplitFractions>()
            .is_ok()
    );
}

#[test]
fn fractions_that_are_no_division_are_refused_by_flag_and_reason() {
    for (text, reason) in [
        ("0.8,0.1", "2 numbers"),
        ("0.7,0.1,0.1,0.1", "4 numbers"),
        ("0.8,0.1,x", "`x` is not a number"),
        ("", "`` is not a number"),
        ("0.8,0.2,0", "0 is not between"),
        ("1.2,-0.1,-0.1", "1.2 is not between"),
        ("0.8,0.3,-0.1", "-0.1 is not between"),
        ("NaN,0.1,0.1", "NaN is not between"),
        ("inf,0.1,0.1", "inf is not between"),
        ("0.8,0.1,0.2", "the sum is"),
        ("0.8,0.1,0.09999", "the sum is"),
    ] {
        let message = text.parse::<SplitFractions>().unwrap_err().to_string();
        assert!(
            message.contains("`split`") && message.contains(reason),
            "{text}: {message}"
        );
    }
    let unchecked = SplitFractions {
        train: 2.0,
        validation: -0.5,
        test: -0.5,
    };
    assert_error!(
        Split::stratified(&[0; 100], &unchecked, 1, None),
        DataError::Fractions { .. }
    );
}

#[test]
fn a_shuffle_is_a_permutation_that_depends_on_its_generator_alone() {
    let indices: Vec<u32> = (0..10).collect();
    let order = |epoch| shuffled(&indices, &mut rng(42, Stream::Order, epoch));
    assert_eq!(order(0), [8, 2, 7, 0, 4, 6, 9, 3, 1, 5]);
    assert_eq!(order(0), order(0));
    assert_ne!(order(0), order(1));
    assert_eq!(shuffled(&[], &mut rng(42, Stream::Order, 0)), [0; 0]);
}

#[test]
fn a_shuffle_puts_every_item_in_every_place_equally_often() {
    const SHUFFLES: u64 = 6000;
    let mut counts = [[0_u32; 6]; 6];
    for seed in 0..SHUFFLES {
        let order = shuffled(&[0, 1, 2, 3, 4, 5], &mut rng(seed, Stream::Order, 0));
        for (place, item) in order.into_iter().enumerate() {
            counts[place][item as usize] += 1;
        }
    }
    // 1000 expected, standard deviation 29; a shuffle with a common mistake is off by hundreds.
    assert!(
        counts
            .as_flattened()
            .iter()
            .all(|count| count.abs_diff(1000) < 150),
        "{counts:?}"
    );
}

proptest! {
    #[test]
    fn sizes_are_the_exact_shares_rounded(
        class_sizes in prop::collection::vec(0_usize..60, 1..10),
        (a, b) in (0.05..0.9_f64, 0.05..0.9_f64),
        limit in prop::option::of(0_usize..400),
        seed: u64,
    ) {
        let fractions = SplitFractions { train: a, validation: (1.0 - a) * b, test: (1.0 - a) * (1.0 - b) };
        let labels: Vec<u32> =
            (0..).zip(&class_sizes).flat_map(|(class, n)| vec![class; *n]).collect();
        let total = limit.unwrap_or(labels.len()).min(labels.len());
        let shares = [fractions.train, fractions.validation, fractions.test];
        match Split::stratified(&labels, &fractions, seed, limit) {
            Ok(split) => {
                for (part, share) in parts(&split).into_iter().zip(shares) {
                    let off = float(part.len()) - share * float(total);
                    prop_assert!(off.abs() < 1.0, "off by {off} of {total}");
                    for (class, size) in (0..).zip(&class_sizes) {
                        let taken = float(*size) * float(total) / float(labels.len());
                        let off = float(of_class(part, &labels, class)) - share * taken;
                        prop_assert!(off.abs() < 3.0, "class {class} off by {off}");
                    }
                }
                let all: BTreeSet<u32> = parts(&split).into_iter().flatten().copied().collect();
                prop_assert_eq!(all.len(), total);
                prop_assert_eq!(parts(&split).map(Vec::len).iter().sum::<usize>(), total);
            }
            // Only where a share is less than one image.
            Err(DataError::EmptySplit { .. }) => {
                prop_assert!(shares.iter().any(|share| share * float(total) < 1.0));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
