//! `trainer neighbours MODEL QUERY…`: the images that are most like others, by their codes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;

use super::decode::check_codes;
use super::targets::shown;
use super::{
    CodeArgs, Fitted, InputArgs, ModelArgs, WritingArgs, require_some, targets, tell_unused,
};
use crate::apply::{Applied, CodesFormat, CodesRecord, Neighbour, Neighbours, read_codes};
use crate::cli::loading::watched;
use crate::cli::numbers::{number, whole};
use crate::cli::{Exit, bail_usage, log, output};
use crate::data::{InputBatch, Inputs, Skipped};
use crate::host::Stopwatch;
use crate::model::Model;
use crate::path_text::path_text;
use crate::plot::{Found, neighbour_sheet};
use crate::run::{export_png, write_output};
use crate::words::count;

/// Rows of a sheet.
const SHOWN: usize = 20;

/// Finds the images that are most like others: those whose codes are nearest
///
/// The table has query, rank, path and distance of each that is found. Distances are Euclidean, and the nearest are
/// found exactly.
#[derive(Args, Debug)]
pub(in crate::cli) struct NeighboursArgs {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    images: InputArgs,

    /// A file or folder of images to look among, or a file of codes that `trainer encode` wrote; may be given several
    /// times [default: the same images, each without itself]
    #[arg(long, value_name = "PATH")]
    among: Vec<PathBuf>,

    /// How many to find for each
    #[arg(long, short = 'k', value_name = "N", value_parser = whole("samples"), default_value = "5")]
    count: usize,

    /// Find near duplicates instead: pairs not farther apart than this share of the median distance to the nearest
    /// [default share: 0.25; another as --duplicates=SHARE]
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, value_parser = number(|share: f32| share.is_finite() && share > 0.0, "expected a number above zero, such as 0.25"), default_missing_value = "0.25",
          conflicts_with = "among")]
    duplicates: Option<f32>,

    /// The table to write [default: neighbours.csv; with --shard 2/4, neighbours-2-of-4.csv]
    #[arg(long, short, value_name = "FILE.csv", value_parser = output::file())]
    output: Option<PathBuf>,

    /// Draw the first images beside those that were found, as PNG
    #[arg(long, value_name = "FILE.png", value_parser = output::file())]
    sheet: Option<PathBuf>,

    #[command(flatten)]
    codes: CodeArgs,

    #[command(flatten)]
    writing: WritingArgs,
}

#[derive(Serialize)]
struct Looked {
    neighbours: String,
    queries: usize,
    among: usize,
    /// Rows of the table.
    found: usize,
    /// Steps for each code.
    refine: usize,
    /// Of the search, without encoding.
    seconds: f64,
    skipped: Vec<Skipped>,
}

/// Codes, and the images that they are of.
struct Coded {
    codes: Vec<f32>,
    paths: Vec<String>,
}

/// A row of the table: what was asked about, and what was found.
struct Pair {
    query: usize,
    rank: usize,
    found: Neighbour,
}

impl NeighboursArgs {
    /// The file of codes to look among, if one is named.
    fn code_file(&self) -> anyhow::Result<Option<&PathBuf>> {
        let mut named = self.among.iter();
        let file = named.find(|path| CodesFormat::of(path).is_some());
        if file.is_some() && self.among.len() > 1 {
            bail_usage!(
                "--among: give one file of codes, or images; arrays of codes can be joined by NumPy"
            );
        }
        if file.is_some() && self.sheet.is_some() {
            bail_usage!(
                "--sheet: a file of codes has no images to draw; give the images by --among"
            );
        }
        Ok(file)
    }
}

pub(in crate::cli) fn run(args: &NeighboursArgs) -> anyhow::Result<Exit> {
    log::start(args.writing.quiet);
    let named = args.output.clone();
    let output_path = named.unwrap_or_else(|| args.images.file_name("neighbours", "csv").into());
    let inputs = args.images.open()?;
    if args.images.shard.is_some() && args.among.is_empty() {
        bail_usage!("--shard: name the images that all parts look among by --among");
    }
    let code_file = args.code_file()?;
    let among = match args.among.as_slice() {
        paths if !paths.is_empty() && code_file.is_none() => {
            Some(args.images.open_others(paths).context("--among")?)
        }
        _ => None,
    };
    let mut files_read = args.images.files(&inputs, &args.model)?;
    let tables = code_file.iter().map(|file| file.with_extension("csv"));
    let named = args.among.iter().cloned().chain(tables);
    files_read.extend(named.filter_map(|path| path.canonicalize().ok()));
    files_read.extend(among.iter().flat_map(Inputs::files));
    let outputs = [Some(output_path.as_path()), args.sheet.as_deref()];
    let outputs = outputs.into_iter().flatten();
    targets::check(outputs, &files_read, args.writing.force)?;

    let model = args.model.open()?;
    let width = model.info().latent_dim;
    let applied = Applied::new(&model, args.codes.refine(model.info())?);
    let mut skipped = Vec::new();
    let read = code_file.map(|file| coded(file, &model, &applied));
    let read = read.transpose()?;
    let mut encode = |inputs: &Inputs| encoded(inputs, &model, &applied, args, &mut skipped);
    let queries = encode(&inputs)?;
    let others = match (read, &among) {
        (Some(read), _) => Some(read),
        (None, Some(among)) => Some(encode(among)?),
        (None, None) => None,
    };

    let clock = Stopwatch::start();
    let Coded { codes, paths } = queries;
    let (set_paths, found) = match others {
        Some(others) => {
            let neighbours = Neighbours::new(others.codes, width, model.device());
            (Some(others.paths), neighbours.nearest(&codes, args.count)?)
        }
        None if paths.len() < 2 => {
            bail!("one image has no others to be near to: give more, or others by --among")
        }
        None => {
            let own: Vec<usize> = (0..paths.len()).collect();
            let neighbours = Neighbours::new(codes, width, model.device());
            (None, neighbours.nearest_of_own(&own, args.count)?)
        }
    };
    let set = set_paths.as_ref().unwrap_or(&paths);
    let seconds = clock.seconds();
    let pairs = match args.duplicates {
        Some(share) => duplicates(&found, share),
        None => ranked(&found),
    };

    write_table(args, &pairs, [&paths, set], &output_path)?;
    if let Some(path) = &args.sheet {
        let other_inputs = among.as_ref().unwrap_or(&inputs);
        draw(path, &pairs, [&inputs, other_inputs], [&paths, set], &model)?;
    }
    if args.writing.json {
        output::json(&Looked {
            neighbours: path_text(&output_path),
            queries: paths.len(),
            among: set.len(),
            found: pairs.len(),
            refine: applied.refine(),
            seconds,
            skipped,
        })?;
        return Ok(Exit::Done);
    }
    let what = if args.duplicates.is_some() {
        count(pairs.len(), "near-duplicate pair")
    } else {
        count(pairs.len(), "neighbour")
    };
    output::line(format_args!(
        "{what} of {} among {}",
        count(paths.len(), "image"),
        set.len()
    ))?;
    output::path(&output_path)?;
    if let Some(path) = &args.sheet {
        output::path(path)?;
    }
    Ok(Exit::Done)
}

/// Writes a row for each pair, of which `all_paths` has the images.
fn write_table(
    args: &NeighboursArgs,
    pairs: &[Pair],
    all_paths: [&Vec<String>; 2],
    path: &Path,
) -> anyhow::Result<()> {
    let mut rows = csv::Writer::from_writer(Vec::new());
    if args.images.begins_tables() {
        rows.write_record(["query", "rank", "path", "distance"])?;
    }
    for Pair { query, rank, found } in pairs {
        rows.write_record([
            all_paths[0][*query].clone(),
            rank.to_string(),
            all_paths[1][found.row].clone(),
            found.distance.to_string(),
        ])?;
    }
    let table = rows.into_inner().context("can't make the table")?;
    write_output(path, &table)?;
    Ok(())
}

/// The codes in a file, whose table says what they are of.
fn coded(file: &Path, model: &Model, applied: &Applied) -> anyhow::Result<Coded> {
    let (codes, rows) = read_codes(file, model.info().latent_dim)?;
    CodesRecord::check(file, model, Some(applied.refine()))?;
    let Some(rows) = rows else {
        bail!(
            "--among {}: nothing tells its images' paths: an array needs a table beside it, of the same name (.csv), and \
             a table a column `path`",
            shown(file)
        );
    };
    if rows.is_empty() {
        bail!("--among {}: it has no codes", shown(file));
    }
    let paths = rows.into_iter().map(|row| row.path).collect();
    Ok(Coded { codes, paths })
}

fn encoded(
    inputs: &Inputs,
    model: &Model,
    applied: &Applied,
    args: &NeighboursArgs,
    skipped: &mut Vec<Skipped>,
) -> anyhow::Result<Coded> {
    let info = model.info();
    let (mut codes, mut paths) = (Vec::new(), Vec::new());
    let mut fitted = Fitted::default();
    let unused = watched(args.writing.quiet, |watch| {
        let size = applied.batch_size();
        inputs.read(info.image, info.preparation, size, watch, |batch| {
            let InputBatch { images, values } = batch;
            let found = applied.encode(&values)?;
            check_codes(&found)?;
            codes.extend(found);
            for image in images {
                fitted.add(&image, info.image);
                paths.push(image.path);
            }
            anyhow::Ok(())
        })
    })?;
    tell_unused(&unused);
    fitted.tell(info);
    require_some(paths.len(), &unused)?;
    skipped.extend(unused.skipped);
    Ok(Coded { codes, paths })
}

/// All that were found.
fn ranked(found: &[Vec<Neighbour>]) -> Vec<Pair> {
    let each = found.iter().enumerate().flat_map(|(query, nearest)| {
        let ranks = (1..).zip(nearest);
        ranks.map(move |(rank, &found)| Pair { query, rank, found })
    });
    each.collect()
}

/// The pairs that are nearer than a share of what is usual: of the median distance to the nearest other image, of
/// those that have none at no distance.
fn duplicates(found: &[Vec<Neighbour>], share: f32) -> Vec<Pair> {
    let nearest = found.iter().filter_map(|nearest| nearest.first());
    // Where most images are there twice, the others still have a usual distance.
    let distances = nearest.map(|found| found.distance);
    let mut distances: Vec<f32> = distances.filter(|&distance| distance > 0.0).collect();
    distances.sort_by(f32::total_cmp);
    let limit = share * distances.get(distances.len() / 2).copied().unwrap_or(0.0);
    let near = |pair: &Pair| pair.found.distance <= limit;
    let is_cut = |nearest: &&Vec<Neighbour>| {
        let is_all = nearest.len() + 1 == found.len();
        !is_all && nearest.last().is_some_and(|last| last.distance <= limit)
    };
    let cut = found.iter().filter(is_cut).count();
    if cut > 0 {
        tracing::warn!(
            "{} may have more near duplicates than are listed: raise --count",
            count(cut, "image")
        );
    }
    let mut seen = BTreeSet::new();
    // Each pair once, though both of it find it.
    let once = |pair: &Pair| {
        let rows = [pair.query, pair.found.row];
        seen.insert((rows[0].min(rows[1]), rows[0].max(rows[1])))
    };
    let mut pairs: Vec<Pair> = ranked(found)
        .into_iter()
        .filter(near)
        .filter(once)
        .collect();
    pairs.sort_by(|a, b| a.found.distance.total_cmp(&b.found.distance));
    pairs
}

/// Draws the first images, with what was found for them.
fn draw(
    path: &Path,
    pairs: &[Pair],
    inputs: [&Inputs; 2],
    all_paths: [&Vec<String>; 2],
    model: &Model,
) -> anyhow::Result<()> {
    let info = model.info();
    // In the order of the table.
    let mut order = Vec::new();
    let mut of_query: BTreeMap<usize, Vec<Neighbour>> = BTreeMap::new();
    for pair in pairs {
        if !of_query.contains_key(&pair.query) {
            if order.len() == SHOWN {
                continue;
            }
            order.push(pair.query);
        }
        of_query.entry(pair.query).or_default().push(pair.found);
    }
    let shown_rows = of_query.values().flatten().map(|found| found.row);
    let rows = [order.clone(), shown_rows.collect::<Vec<usize>>()];
    let mut levels: [BTreeMap<String, Vec<u8>>; 2] = Default::default();
    for side in 0..2 {
        let paths: BTreeSet<&str> = rows[side]
            .iter()
            .map(|&row| all_paths[side][row].as_str())
            .collect();
        let chosen = inputs[side].only(&paths);
        chosen.read(
            info.image,
            info.preparation,
            256,
            &crate::data::Watch::NONE,
            |batch| {
                let images = batch.values.chunks_exact(info.image.len());
                for (image, values) in batch.images.into_iter().zip(images) {
                    levels[side].insert(image.path, values.to_vec());
                }
                anyhow::Ok(())
            },
        )?;
    }
    let image = |side: usize, row: usize, caption: String| {
        let name = all_paths[side][row].as_str();
        Found {
            levels: levels[side].get(name).map(Vec::as_slice),
            name,
            caption,
        }
    };
    let rows: Vec<Vec<Found>> = order
        .iter()
        .map(|query| {
            let found = of_query[query].iter();
            let found = found.map(|found| image(1, found.row, format!("{:.3}", found.distance)));
            [image(0, *query, String::new())]
                .into_iter()
                .chain(found)
                .collect()
        })
        .collect();
    let title = format!(
        "{} and the nearest to {}, by distance",
        count(rows.len(), "image"),
        if rows.len() == 1 { "it" } else { "each" }
    );
    export_png(&neighbour_sheet(&title, &rows, info.image), path)?;
    Ok(())
}
