//! All integration tests, one module for each subject: through the library, and of commands through the
//! program. One binary, since linking each of twenty takes longer than compiling it.

mod common;

mod anomaly;
mod any_shape;
mod apply;
mod bench;
mod cli;
mod compare_command;
mod compress;
mod config;
mod conv;
mod data;
mod divergence;
mod documents;
mod eval;
mod explore;
mod export;
mod folder;
mod hostile;
mod limits;
mod loss;
mod metrics_table;
mod model;
mod model_file;
mod moved_data;
mod neighbours;
mod numbers;
#[cfg(unix)]
mod outputs;
mod parquet;
mod path_text;
mod pca;
mod plot;
mod refine;
mod report;
mod resume;
mod run_folder;
mod run_names;
mod run_record;
mod run_states;
mod runs_command;
mod schedulers;
mod serve;
mod shards;
mod ssim;
mod ssim_command;
mod stored_run;
mod streams;
mod structure;
mod sweep;
mod tensorboard;
#[cfg(target_os = "linux")]
mod terminal;
mod training;
