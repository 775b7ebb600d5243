//! All integration tests, one module for each subject: through the library, and of commands through the
//! program. One binary, since linking each of twenty takes longer than compiling it.

mod common;

mod any_shape;
mod bench;
mod cli;
mod compare_command;
mod config;
mod conv;
mod data;
mod documents;
mod eval;
mod hostile;
mod loss;
mod model;
mod model_file;
mod pca;
mod plot;
mod refine;
mod report;
mod resume;
mod run_folder;
mod run_record;
mod runs_command;
mod serve;
mod ssim;
mod ssim_command;
mod stored_run;
mod streams;
mod structure;
mod sweep;
mod tensorboard;
mod training;
