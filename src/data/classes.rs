//! The choice of some classes, by name or number.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::DataError;

/// The names of Fashion-MNIST's classes; the position is the label.
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

/// Those of [`CLASS_NAMES`] whose images are part of the program.
pub const EMBEDDED: [&str; 2] = ["t-shirt", "trouser"];

/// Words that aren't names.
const RESERVED: [&str; 2] = ["all", "auto"];

/// Other spellings in use: the data set's own `T-shirt/top` and `Ankle boot`, and short forms.
const ALIASES: [(&str, &str); 5] = [
    ("t-shirt/top", "t-shirt"),
    ("tshirt", "t-shirt"),
    ("top", "t-shirt"),
    ("ankle boot", "ankle-boot"),
    ("boot", "ankle-boot"),
];

/// One or more classes to train on.
///
/// Parsed from `all`, `auto`, or numbers and names in any case, separated by commas. Which classes there are
/// is up to the images: [`ClassSelection::resolve`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClassSelection {
    /// Of Fashion-MNIST, T-shirts and trousers; of other images, whatever there is.
    #[default]
    Auto,
    /// Whatever there is.
    All,
    /// These, by name or number; never empty.
    Some(Vec<String>),
}

impl ClassSelection {
    /// The chosen places among the classes `names`.
    ///
    /// # Errors
    ///
    /// [`DataError::UnknownClass`] if one isn't there.
    pub fn resolve(&self, names: &[String]) -> Result<BTreeSet<u32>, DataError> {
        let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
        let words = match self {
            Self::Auto | Self::All => return Ok((0..count).collect()),
            Self::Some(words) => words,
        };
        let ids = ids_by_name(names);
        words
            .iter()
            .map(|word| {
                let lower = word.to_lowercase();
                let alias = ALIASES.iter().find(|(alias, _)| *alias == lower);
                let find = |word: &str| ids.get(word).copied();
                let by_name = find(word)
                    .or_else(|| find(&lower))
                    .or_else(|| find(alias?.1));
                let by_number = || word.parse().ok().filter(|&id| id < count);
                by_name
                    .or_else(by_number)
                    .ok_or_else(|| DataError::UnknownClass {
                        name: word.clone(),
                        names: names.to_vec(),
                    })
            })
            .collect()
    }

    /// The same choice for Fashion-MNIST.
    #[must_use]
    pub(super) fn of_fashion_mnist(&self) -> Self {
        match self {
            Self::Auto => Self::Some(EMBEDDED.map(str::to_owned).to_vec()),
            other => other.clone(),
        }
    }

    /// The same choice in one canonical form: `all`, or the names of the classes in their order.
    ///
    /// # Errors
    ///
    /// As [`ClassSelection::resolve`].
    pub fn canonical(&self, names: &[String]) -> Result<Self, DataError> {
        Ok(Self::of_ids(&self.resolve(names)?, names))
    }

    /// The choice of these places among the classes `names`.
    pub(super) fn of_ids(chosen: &BTreeSet<u32>, names: &[String]) -> Self {
        if chosen.len() == names.len() {
            return Self::All;
        }
        let ids = ids_by_name(names);
        // In lower case, or as it is where another differs by case alone; as a number, where the name would be read as
        // something else.
        let name = |id: &u32| {
            let name = &names[*id as usize];
            let spellings = [name.to_lowercase(), name.clone()];
            let mut own = spellings.into_iter().filter(|name| {
                let is_reserved = RESERVED.contains(&name.to_lowercase().as_str());
                let is_plain = !name.contains(',') && name.trim() == name && !is_reserved;
                is_plain && ids.get(name) == Some(id)
            });
            own.next().unwrap_or_else(|| id.to_string())
        };
        Self::Some(chosen.iter().map(name).collect())
    }
}

/// The place of each name, as it is, and in lower case if no other is spelt so; of equal ones, the first.
fn ids_by_name(names: &[String]) -> BTreeMap<String, u32> {
    let mut ids = BTreeMap::new();
    for (id, name) in (0..).zip(names) {
        ids.entry(name.clone()).or_insert(id);
    }
    for (id, name) in (0..).zip(names) {
        ids.entry(name.to_lowercase()).or_insert(id);
    }
    ids
}

impl fmt::Display for ClassSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::All => f.write_str("all"),
            Self::Some(words) => f.write_str(&words.join(",")),
        }
    }
}

impl FromStr for ClassSelection {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        if text.trim().is_empty() {
            return Err(DataError::NoClasses);
        }
        let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
        let is_there = |reserved: &str| words.iter().any(|word| word.to_lowercase() == reserved);
        Ok(if is_there("all") {
            Self::All
        } else if is_there("auto") {
            Self::Auto
        } else {
            Self::Some(words)
        })
    }
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
