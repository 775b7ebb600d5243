//! The ten classes, and the choice of some of them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::DataError;

/// The canonical name of each class; the position is the label.
pub const CLASS_NAMES: [&str; 10] = [
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle-boot",
];

/// Other spellings in use: the data set's own `T-shirt/top` and `Ankle boot`, and short forms.
const ALIASES: [(&str, u8); 5] = [
    ("t-shirt/top", 0),
    ("tshirt", 0),
    ("top", 0),
    ("ankle boot", 9),
    ("boot", 9),
];

/// One or more classes to train on, as `--classes` takes them.
///
/// Parsed from `all`, or labels 0 to 9 and names in any case, separated by commas. Displayed, and
/// stored by serde, in one canonical form: `all`, or the names by rising label, such as
/// `t-shirt,trouser`. The default is those two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClassSelection(BTreeSet<u8>);

impl ClassSelection {
    /// All ten classes.
    #[must_use]
    pub fn all() -> Self {
        Self((0..).take(CLASS_NAMES.len()).collect())
    }

    /// Whether the class of this label is chosen.
    #[must_use]
    pub fn contains(&self, label: u8) -> bool {
        self.0.contains(&label)
    }

    /// The chosen labels, rising.
    pub fn labels(&self) -> impl Iterator<Item = u8> {
        self.0.iter().copied()
    }

    /// Whether every class chosen here is also chosen in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

impl Default for ClassSelection {
    fn default() -> Self {
        Self(BTreeSet::from([0, 1]))
    }
}

impl fmt::Display for ClassSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::all() {
            return f.write_str("all");
        }
        let names: Vec<_> = self
            .labels()
            .map(|label| CLASS_NAMES[usize::from(label)])
            .collect();
        f.write_str(&names.join(","))
    }
}

impl FromStr for ClassSelection {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        if text.trim().is_empty() {
            return Err(DataError::NoClasses);
        }
        let mut labels = BTreeSet::new();
        for name in text.split(',') {
            let name = name.trim().to_lowercase();
            if name == "all" {
                labels.extend(Self::all().0);
            } else {
                labels.insert(label_of(&name).ok_or(DataError::UnknownClass { name })?);
            }
        }
        Ok(Self(labels))
    }
}

/// The label of a number or lower-case name.
fn label_of(name: &str) -> Option<u8> {
    if let [digit @ b'0'..=b'9'] = name.as_bytes() {
        return Some(digit - b'0');
    }
    let named = (0..).zip(CLASS_NAMES).map(|(label, known)| (known, label));
    named
        .chain(ALIASES)
        .find(|(known, _)| *known == name)
        .map(|(_, label)| label)
}

impl TryFrom<String> for ClassSelection {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<ClassSelection> for String {
    fn from(classes: ClassSelection) -> Self {
        classes.to_string()
    }
}
