//! `--data` of commands that use the images of a run: where those are now, if they were moved.

use std::env;
use std::path::PathBuf;

use clap::Args;

use crate::train::DataPlaces;

const VARIABLE: &str = "TRAINER_DATA";

#[derive(Args, Debug)]
pub(super) struct MovedDataArgs {
    /// Folder with the run's data set, if it was moved [default: where it was, else $TRAINER_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl MovedDataArgs {
    /// For one run: it's there, or the flag is wrong.
    pub fn of_one_run(&self) -> DataPlaces {
        DataPlaces {
            given: self.data.clone(),
            fallback: from_environment(),
        }
    }

    /// For several runs, not all of which may have been moved.
    pub fn of_several_runs(&self) -> DataPlaces {
        DataPlaces {
            given: None,
            fallback: self.data.clone().or_else(from_environment),
        }
    }
}

/// For a command that has no flag for it.
pub(super) fn of_environment() -> DataPlaces {
    DataPlaces {
        given: None,
        fallback: from_environment(),
    }
}

fn from_environment() -> Option<PathBuf> {
    let folder = env::var_os(VARIABLE)?;
    (!folder.is_empty()).then(|| folder.into())
}
