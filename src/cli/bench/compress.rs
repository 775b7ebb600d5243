//! `trainer bench compress RUN`: bytes and SSIM of a run's test images, compressed to several qualities, beside files
//! without loss.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult};
use serde::Serialize;

use crate::apply::{CompressError, Compressor, Goal};
use crate::cli::moved_data::MovedDataArgs;
use crate::cli::numbers::{number, whole};
use crate::cli::runs_folder::RunsFolder;
use crate::cli::table::Column;
use crate::cli::{Exit, log, output};
use crate::codec::{CodedImage, Reader, Writer};
use crate::data::thinned;
use crate::device::Backend;
use crate::host::Stopwatch;
use crate::image::ImageShape;
use crate::train::{OpenedRun, open_run};
use crate::words::count;

/// Images by which a step is chosen.
const SAMPLE: usize = 512;

#[derive(Args, Debug)]
pub(in crate::cli) struct CompressArgs {
    /// The run: its folder, its folder's name, or `latest`
    run: PathBuf,

    #[command(flatten)]
    runs: RunsFolder,

    /// The mean SSIM to have, several with commas between them
    #[arg(long, value_delimiter = ',', default_values = ["0.9", "0.95"], value_name = "SSIM",
        value_parser = number(|ssim: f64| ssim > 0.0 && ssim < 1.0, "expected a number between 0 and 1"))]
    targets: Vec<f64>,

    /// Steps by which each code is improved before it is rounded [default: 20, or as in training if these are more]
    #[arg(long, value_name = "STEPS", value_parser = whole("refine"))]
    refine: Option<usize>,

    /// Where to compute [default: as in training]
    #[arg(long, value_enum)]
    backend: Option<Backend>,

    #[command(flatten)]
    data: MovedDataArgs,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// A row of the table.
#[derive(Debug, Serialize)]
struct Row {
    method: &'static str,
    /// Of the whole file, without names, by the number of images.
    bytes_per_image: f64,
    /// The mean.
    ssim: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    images_per_second: Option<f64>,
}

pub(super) fn run(args: &CompressArgs) -> anyhow::Result<Exit> {
    log::start(false);
    let folder = args.runs.find(&args.run)?;
    let OpenedRun { prepared, model } =
        open_run(&folder, args.backend, None, &args.data.of_one_run())?;
    let (images, indices) = (&prepared.images, &prepared.split.test);
    let shape = images.shape();
    let compressor = Compressor::new(&model, args.refine);
    let mut rows = lossless(
        indices.iter().map(|&index| images.image(index as usize)),
        shape,
    )?;
    let sample = images.of_rows(&thinned(indices, SAMPLE));
    let sample = compressor.sample(sample)?;
    for &target in &args.targets {
        let chosen = match compressor.choose(&sample, Goal::Ssim(target)) {
            Err(error @ CompressError::Unreachable { .. }) => {
                tracing::warn!("{error}");
                continue;
            }
            chosen => chosen?,
        };
        let clock = Stopwatch::start();
        let mut writer = Writer::new(
            Vec::new(),
            &compressor.header(chosen.step)?,
            compressor.symbols(chosen.step),
            false,
        )?;
        let (mut values, mut ssim) = (Vec::new(), 0.0);
        for indices in indices.chunks(compressor.batch_size()) {
            let compressed = compressor.compress(&images.of_rows(indices), &chosen)?;
            for code in compressed.values.chunks_exact(model.info().latent_dim) {
                writer.push(code, CodedImage::default())?;
            }
            ssim += compressed.ssim.iter().copied().map(f64::from).sum::<f64>();
            values.extend(compressed.values);
        }
        let file = writer.finish()?;
        let seconds = clock.seconds();
        let mut reader = Reader::new(file.as_slice())?;
        let (mut symbols, mut found) = (compressor.symbols(chosen.step), Vec::new());
        while let Some(block) = reader.next_block(&mut symbols)? {
            found.extend(block.values);
        }
        ensure!(
            found == values,
            "a file's codes aren't those that were written"
        );
        #[expect(clippy::cast_precision_loss, reason = "counts")]
        let (bytes, images) = (file.len() as f64, indices.len() as f64);
        rows.push(Row {
            method: "trainer",
            bytes_per_image: bytes / images,
            ssim: ssim / images,
            step: Some(chosen.step),
            images_per_second: Some(images / seconds),
        });
    }
    if args.json {
        output::json(&rows)?;
        return Ok(Exit::Done);
    }
    output::line(format_args!(
        "{} of {shape}",
        count(indices.len(), "test image")
    ))?;
    let figures = |heading: &str, cell: fn(&Row) -> String| Column {
        heading: heading.to_owned(),
        figures: true,
        cells: rows.iter().map(cell).collect(),
    };
    output::table(&[
        Column {
            heading: String::new(),
            figures: false,
            cells: rows.iter().map(|row| row.method.to_owned()).collect(),
        },
        figures("bytes/image", |row| format!("{:.1}", row.bytes_per_image)),
        figures("SSIM", |row| format!("{:.4}", row.ssim)),
        figures("step", |row| {
            row.step
                .map(|step| format!("{step:.3}"))
                .unwrap_or_default()
        }),
        figures("images/s", |row| {
            row.images_per_second
                .map(|speed| format!("{speed:.0}"))
                .unwrap_or_default()
        }),
    ])?;
    Ok(Exit::Done)
}

/// What files of the images `[C, H, W]` take, one for each.
fn lossless<'a>(
    images: impl Iterator<Item = &'a [u8]> + Clone,
    shape: ImageShape,
) -> anyhow::Result<Vec<Row>> {
    let mean = |encode: fn(&[u8], Size, &mut Vec<u8>) -> ImageResult<()>| {
        let (mut bytes, mut count) = (0.0, 0.0);
        for image in images.clone() {
            let pixels = shape.pixels();
            let values = (0..pixels).flat_map(|pixel| image[pixel..].iter().step_by(pixels));
            let values: Vec<u8> = values.copied().collect();
            let mut file = Vec::new();
            encode(&values, Size::of(shape), &mut file)?;
            #[expect(clippy::cast_precision_loss, reason = "a count of bytes")]
            let length = file.len() as f64;
            bytes += length;
            count += 1.0;
        }
        anyhow::Ok(bytes / count)
    };
    let row = |method, bytes_per_image| Row {
        method,
        bytes_per_image,
        ssim: 1.0,
        step: None,
        images_per_second: None,
    };
    Ok(vec![
        row(
            "PNG",
            mean(|values, size, file| {
                let encoder =
                    PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::Adaptive);
                encoder.write_image(values, size.width, size.height, size.colour)
            })?,
        ),
        row(
            "WebP, lossless",
            mean(|values, size, file| {
                let encoder = WebPEncoder::new_lossless(file);
                encoder.write_image(values, size.width, size.height, size.colour)
            })?,
        ),
    ])
}

/// A shape as the encoders of image files take it.
#[derive(Clone, Copy)]
struct Size {
    width: u32,
    height: u32,
    colour: ExtendedColorType,
}

impl Size {
    fn of(shape: ImageShape) -> Self {
        let side = |side: usize| u32::try_from(side).expect("sides are below 2^32");
        Self {
            width: side(shape.width),
            height: side(shape.height),
            colour: if shape.channels == 1 {
                ExtendedColorType::L8
            } else {
                ExtendedColorType::Rgb8
            },
        }
    }
}
