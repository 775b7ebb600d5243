//! What a user should know of an image that is read as if it were plain sRGB.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use png::Info;

use super::samples::Samples;
use crate::words::count;

/// Something in a file that isn't applied, or may mislead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// More than one image, to be shown one after the other.
    Animation,
    /// More than one image, as pages.
    Pages,
    /// 16 bits a value, of which at most 12 are used.
    FewLevels,
    /// A gamma that isn't sRGB's, in units of 1/100,000.
    Gamma(u32),
    /// A colour profile that isn't sRGB, by its name.
    Profile(String),
    /// Code points (cICP) of other primaries, or of another transfer function, than sRGB's.
    CodePoints(u8, u8),
}

impl Note {
    /// Values below it are those of 12 bits.
    const LEVELS: u16 = 1 << 12;

    /// That of a colour profile which isn't sRGB's.
    pub(super) fn of_profile(profile: Option<&[u8]>) -> Option<Self> {
        profile.and_then(foreign_profile).map(Self::Profile)
    }

    pub(super) fn of_levels(samples: &Samples) -> Option<Self> {
        let Samples::Words(bytes) = samples else {
            return None;
        };
        let values = bytes.as_chunks().0.iter().copied().map(u16::from_be_bytes);
        let largest = values.max()?;
        // Black alone tells nothing.
        (1..Self::LEVELS)
            .contains(&largest)
            .then_some(Self::FewLevels)
    }
}

/// Which files have which note, of any number of files.
#[derive(Debug, Default)]
pub struct NotedFiles {
    /// The first file of each note, and how many others there are.
    first: BTreeMap<Note, (String, usize)>,
}

impl NotedFiles {
    /// Adds a file, by its name.
    pub fn add(&mut self, file: &str, notes: &[Note]) {
        for note in notes {
            let entry = self.first.entry(note.clone());
            entry
                .and_modify(|(_, others)| *others += 1)
                .or_insert_with(|| (file.to_owned(), 0));
        }
    }

    /// A line for each note: `a.png and 2 other files: …`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.first.iter().map(|(note, (first, others))| {
            let others = match others {
                0 => String::new(),
                &others => format!(" and {}", count(others, "other file")),
            };
            format!("{first}{others}: {note}")
        })
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        const AS_IT_IS: &str = "values are taken as they are, without applying it";
        match self {
            Self::Animation => f.write_str("an animation, of which only the first image is read"),
            Self::Pages => f.write_str("several pages, of which only the first is read"),
            Self::FewLevels => write!(
                f,
                "16 bits a value, but none above {}, as 12-bit cameras write them; values are divided \
                 by {} all the same. If that isn't what they mean, scale them first",
                Self::LEVELS - 1,
                u16::MAX
            ),
            Self::Gamma(gamma) => write!(
                f,
                "a gamma of {}.{:05} (gAMA), which isn't sRGB's; {AS_IT_IS}",
                gamma / GAMMA_UNIT,
                gamma % GAMMA_UNIT
            ),
            Self::Profile(name) => write!(
                f,
                "a colour profile (ICC), {name}, which isn't sRGB's; {AS_IT_IS}"
            ),
            Self::CodePoints(primaries, transfer) => write!(
                f,
                "a colour space (cICP {primaries}, {transfer}), which isn't sRGB's; {AS_IT_IS}"
            ),
        }
    }
}

const GAMMA_UNIT: u32 = 100_000;

/// What a file says of its colour space, if that isn't sRGB. Of several statements PNG has the first one
/// in this order count.
pub(super) fn color_space(info: &Info) -> Option<Note> {
    /// BT.709's, which are sRGB's.
    const PRIMARIES: u8 = 1;
    /// sRGB's.
    const TRANSFER: u8 = 13;
    /// 1/2.2, and how far others are from it that round it.
    const SRGB_GAMMA: u32 = 45_455;
    const NEAR: u32 = 500;
    if let Some(code) = &info.coding_independent_code_points {
        let (primaries, transfer) = (code.color_primaries, code.transfer_function);
        let is_srgb = (primaries, transfer) == (PRIMARIES, TRANSFER);
        return (!is_srgb).then_some(Note::CodePoints(primaries, transfer));
    }
    if let Some(profile) = &info.icc_profile {
        return Note::of_profile(Some(profile));
    }
    if info.srgb.is_some() {
        return None;
    }
    // Zero means nothing.
    let gamma = info.gama_chunk?.into_scaled();
    (gamma > 0 && gamma.abs_diff(SRGB_GAMMA) > NEAR).then_some(Note::Gamma(gamma))
}

/// The name of an ICC profile, if it isn't sRGB's.
fn foreign_profile(profile: &[u8]) -> Option<String> {
    let name = profile_name(profile);
    let lower = name.to_lowercase();
    let is_srgb = lower.contains("srgb") && !lower.contains("linear");
    (!is_srgb).then_some(name)
}

/// The description in an ICC profile: its tag `desc`, in ASCII (version 2) or UTF-16 (version 4).
fn profile_name(profile: &[u8]) -> String {
    /// Tags begin here, with their count.
    const TAGS: usize = 128;
    /// Signature, offset and size.
    const TAG: usize = 12;
    /// Of a name that is shown.
    const LONGEST: usize = 60;
    let number = |place: usize| {
        let bytes = profile.get(place..place + 4)?;
        usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
    };
    let text = |tag: usize| {
        let start = number(tag + 4)?;
        let text = profile.get(start..start.checked_add(number(tag + 8)?)?)?;
        // A description of version 4 says where its text begins, which is the end of its header.
        let is_version_4 = text.starts_with(b"mluc");
        let begin = if is_version_4 {
            number(start + 24)?
        } else {
            12
        };
        let characters = text.get(begin..)?.iter().filter(|&&byte| byte != 0);
        let visible = characters.take_while(|byte| (b' '..=b'~').contains(byte));
        let name: String = visible
            .take(LONGEST)
            .map(|&byte| char::from(byte))
            .collect();
        (!name.is_empty()).then_some(name)
    };
    let count = number(TAGS).unwrap_or_default().min(profile.len() / TAG);
    (0..count)
        .map(|tag| TAGS + 4 + tag * TAG)
        .find(|&tag| profile.get(tag..tag + 4) == Some(b"desc"))
        .and_then(text)
        .unwrap_or_else(|| "of no name".to_owned())
}
