//! Images that a model is used on: what is said of them.

use std::convert::Infallible;
use std::fs;

use trainer::ImageShape;
use trainer::data::{Inputs, Preparation, Watch};

use crate::folder::picture;

const SHAPE: ImageShape = ImageShape {
    channels: 3,
    height: 8,
    width: 8,
};

#[test]
fn why_images_have_no_classes_is_said_unless_a_table_gives_them() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    for (seed, name) in (0..).zip(["cat/1.png", "dog/2.png", "3.png"]) {
        picture(&photos, name, seed);
    }
    let said = |inputs: &Inputs| {
        let take = |_| Ok::<(), Infallible>(());
        let Ok(unused) = inputs.read(SHAPE, Preparation::default(), 4, &Watch::NONE, take);
        let warnings = unused.warnings.into_iter();
        warnings
            .filter(|line| line.contains("beside the folders"))
            .count()
    };
    let mut inputs = Inputs::open(&[photos]).unwrap();
    assert_eq!(said(&inputs), 1);
    assert_eq!(said(&inputs.thinned(2)), 1);
    let table = dir.path().join("labels.csv");
    fs::write(&table, "path,class\ncat/1.png,a\ndog/2.png,b\n3.png,a\n").unwrap();
    inputs.label(&table).unwrap();
    assert_eq!(said(&inputs), 0);
    assert_eq!(said(&inputs.thinned(2)), 0);
}
