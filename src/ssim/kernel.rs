//! The WGSL kernels of `shaders/`: which one compares a pair of images, and its launch.
//!
//! `ssim_small` takes planes that fit a workgroup's memory, windows inside them; all others go to
//! `ssim_tiled`, and their gradients to `ssim_tiled_gradient`. `ssim_window` precedes each of them.

use std::ops::Range;

use burn::backend::ops::FloatTensorOps;
use burn::backend::{DispatchDevice, TensorMetadata};
use burn::tensor::{DType, Device, FloatDType, Shape};
use burn_cubecl::cubecl::CubeCount;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::ir::settings::ExecutionMode;
use burn_cubecl::cubecl::prelude::KernelId;
use burn_cubecl::cubecl::server::{Handle, KernelArguments};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_wgpu::{
    CubeBackend, CubeDim, CubeTensor, KernelSource, SourceKernel, SourceTemplate, into_contiguous,
};

use super::backend::{Comparison, SsimBackend, Term};
use super::config::{Border, SsimConfig, SsimError};
use super::reference;

/// What each thread computes side by side: `STRIP` in the shaders.
const STRIP: usize = 4;
/// Workgroup memory that every GPU has, by WebGPU's default limits.
const PORTABLE_MEMORY: usize = 16_384;
/// The most threads that every GPU has in a workgroup, and the most workgroups a dimension.
const MAX_THREADS: usize = 256;
const MAX_WORKGROUPS: usize = 65_535;
/// Threads of a tile's workgroup: about as many as a tile has strips of windows and of rows.
const TILE_THREADS: usize = 128;
/// Heights and widths of tiles, in the order in which they're preferred. Both are multiples of
/// `STRIP`.
const TILES: [[usize; 2]; 5] = [[16, 16], [8, 16], [8, 8], [4, 8], [4, 4]];
/// The losses of a plane's tiles are stored in rows of so many.
const LOSSES: usize = 256;
/// Bytes of an f32, and of four of them.
const F32: usize = 4;
const VEC4: usize = 16;

impl SsimBackend for CubeBackend {
    fn ssim_scores(x: CubeTensor, y: CubeTensor, comparison: Comparison) -> CubeTensor {
        let Some(kernels) = Kernels::new(&x, comparison, false) else {
            return reference::scores::<Self>(x, y, &comparison);
        };
        let (scores, _) = kernels.scores(x, y, Gradients::None);
        scores
    }

    fn ssim_gradient(
        x: CubeTensor,
        y: CubeTensor,
        comparison: Comparison,
    ) -> (CubeTensor, CubeTensor) {
        let Some(kernels) = Kernels::new(&x, comparison, true) else {
            let (scores, by_x, _) = reference::gradients::<Self>(x, y, &comparison);
            return (scores, by_x);
        };
        let (scores, [by_x, _]) = kernels.scores(x, y, Gradients::X);
        (scores, by_x)
    }

    fn ssim_gradients(
        x: CubeTensor,
        y: CubeTensor,
        comparison: Comparison,
    ) -> (CubeTensor, CubeTensor, CubeTensor) {
        let Some(kernels) = Kernels::new(&x, comparison, true) else {
            return reference::gradients::<Self>(x, y, &comparison);
        };
        let (scores, [by_x, by_y]) = kernels.scores(x, y, Gradients::Both);
        (scores, by_x, by_y)
    }

    fn ssim_map(x: CubeTensor, y: CubeTensor, comparison: Comparison) -> CubeTensor {
        let Some(kernels) = Kernels::new(&x, comparison, false) else {
            return reference::map::<Self>(x, y, &comparison);
        };
        kernels.map(x, y)
    }

    fn ssim_map_gradients(
        x: CubeTensor,
        y: CubeTensor,
        upstream: CubeTensor,
        comparison: Comparison,
    ) -> (CubeTensor, CubeTensor) {
        let Some(kernels) = Kernels::new(&x, comparison, true) else {
            return reference::map_gradients::<Self>(x, y, upstream, &comparison);
        };
        let [by_x, by_y] = kernels.map_gradients(x, y, upstream);
        (by_x, by_y)
    }
}

/// Checks that a window fits the memory of the device's workgroups, if kernels run there at all.
pub(super) fn check_memory(config: &SsimConfig, device: &Device) -> Result<(), SsimError> {
    let device = device.clone().inner();
    let DispatchDevice::Cube(device) = device.as_dispatch() else {
        return Ok(());
    };
    let client = device.client();
    let window = config.window.size();
    let available = workgroup_memory(&client);
    // Either both fit, or nothing runs: a window that can be scored by can be trained with.
    for memory in [forward_memory as Memory, gradient_memory] {
        if compiles_wgsl(&client) && tile(memory, window, available).is_none() {
            return Err(SsimError::SharedMemory {
                window,
                needed: memory(TILES[TILES.len() - 1], window),
                available,
            });
        }
    }
    Ok(())
}

/// Whether the device takes kernels in WGSL. Others, such as CUDA, compare by tensor operations.
fn compiles_wgsl(client: &Client) -> bool {
    client.name().contains("wgsl")
}

fn workgroup_memory(client: &Client) -> usize {
    client.properties().hardware.max_shared_memory_size
}

/// Bytes of workgroup memory, by height and width of a tile and size of the window.
type Memory = fn([usize; 2], usize) -> usize;

/// What `ssim_tiled` needs.
fn forward_memory([height, width]: [usize; 2], window: usize) -> usize {
    let (reached_height, reached_width) = (height + window - 1, width + window - 1);
    let images = 2 * reached_height * reached_width * F32;
    images + reached_height * width * VEC4 + TILE_THREADS * F32
}

/// What `ssim_tiled_gradient` needs: with small tiles, more.
fn gradient_memory([height, width]: [usize; 2], window: usize) -> usize {
    let (reached_height, reached_width) = (height + window - 1, width + window - 1);
    reached_height * (reached_width + width) * VEC4
}

/// The first tile whose kernel fits what every GPU has; failing that, the smallest, if it fits what
/// this one has.
fn tile(memory: Memory, window: usize, available: usize) -> Option<[usize; 2]> {
    let fits = |limit: usize| move |tile: &&[usize; 2]| memory(**tile, window) <= limit;
    let portable = TILES.iter().find(fits(PORTABLE_MEMORY.min(available)));
    portable.or(TILES.last().filter(fits(available))).copied()
}

/// Which gradients come with the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gradients {
    None,
    X,
    Both,
}

/// What `ssim_tiled` puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Scores,
    ScoresAndCoefficients,
    Map,
    WeightedCoefficients,
}

/// The kernels for images of one shape, by some conventions, on one device.
struct Kernels {
    comparison: Comparison,
    client: Client,
    /// An image's planes are compared one by one: N · C of them.
    images: [usize; 2],
    height: usize,
    width: usize,
    tile: [usize; 2],
    gradient_tile: [usize; 2],
}

impl Kernels {
    /// None where the device doesn't take them: not WGSL, not f32, too little memory in a workgroup,
    /// or, for gradients, in a buffer.
    fn new(x: &CubeTensor, comparison: Comparison, gradients: bool) -> Option<Self> {
        let client = x.client.clone();
        let shape = x.shape();
        let window = comparison.config.window.size();
        let tile = |memory| tile(memory, window, workgroup_memory(&client));
        let kernels = Self {
            comparison,
            images: [shape[0], shape[1]],
            height: shape[2],
            width: shape[3],
            tile: tile(forward_memory)?,
            gradient_tile: tile(gradient_memory)?,
            client: client.clone(),
        };
        let fits = !gradients || kernels.planes_at_once() > 0;
        (compiles_wgsl(&kernels.client) && x.dtype == DType::F32 && fits).then_some(kernels)
    }

    fn planes(&self) -> usize {
        self.images[0] * self.images[1]
    }

    /// The mean of the term over each plane, and the gradients of those means' sum.
    fn scores(
        &self,
        x: CubeTensor,
        y: CubeTensor,
        gradients: Gradients,
    ) -> (CubeTensor, [CubeTensor; 2]) {
        let (x, y) = (into_contiguous(x), into_contiguous(y));
        let small = Source::small(&self.comparison, [self.height, self.width], gradients);
        match small {
            Some(source) => self.scores_of_small(source, x, y, gradients),
            None => self.scores_by_tiles(x, y, gradients),
        }
    }

    fn scores_of_small(
        &self,
        source: Source,
        x: CubeTensor,
        y: CubeTensor,
        gradients: Gradients,
    ) -> (CubeTensor, [CubeTensor; 2]) {
        let scores = empty_like(&x, &self.images);
        let gradients = self.empty_gradients(&x, gradients);
        let buffers = [&x, &y, &scores, &gradients[0], &gradients[1]];
        self.launch(source, self.all(), 1, &buffers);
        (scores, gradients)
    }

    fn scores_by_tiles(
        &self,
        x: CubeTensor,
        y: CubeTensor,
        gradients: Gradients,
    ) -> (CubeTensor, [CubeTensor; 2]) {
        let [map_height, map_width] = self.map_size();
        let tiles = tiles(self.tile, self.map_size()).next_multiple_of(LOSSES);
        let shape = Shape::from([self.planes(), tiles / LOSSES, LOSSES]);
        let losses = CubeBackend::float_zeros(shape, &x.device, FloatDType::F32);
        let images = [&x, &y];
        let gradients = if gradients == Gradients::None {
            self.tiled(Output::Scores, self.all(), images, &unused(&x), &losses);
            [unused(&x), unused(&x)]
        } else {
            let output = Output::ScoresAndCoefficients;
            self.gradients(output, images, &unused(&x), &losses, gradients)
        };
        #[expect(clippy::cast_precision_loss, reason = "a count of pixels")]
        let positions = (map_height * map_width) as f64;
        // In two steps: where a GPU is emulated, a loop may end after 65,535 rounds.
        let losses = CubeBackend::float_sum_dim(CubeBackend::float_sum_dim(losses, 2), 1);
        let negative = CubeBackend::float_mul_scalar(losses, (-1.0 / positions).into());
        let scores = CubeBackend::float_add_scalar(negative, 1.0.into());
        let scores = CubeBackend::float_reshape(scores, Shape::from(self.images));
        (scores, gradients)
    }

    /// The term in each window.
    fn map(&self, x: CubeTensor, y: CubeTensor) -> CubeTensor {
        let (x, y) = (into_contiguous(x), into_contiguous(y));
        let [map_height, map_width] = self.map_size();
        let [images, channels] = self.images;
        let map = empty_like(&x, &[images, channels, map_height, map_width]);
        self.tiled(Output::Map, self.all(), [&x, &y], &unused(&x), &map);
        map
    }

    /// The gradients of the map's sum, weighted by `upstream`.
    fn map_gradients(&self, x: CubeTensor, y: CubeTensor, upstream: CubeTensor) -> [CubeTensor; 2] {
        let [x, y, upstream] = [x, y, upstream].map(into_contiguous);
        let output = Output::WeightedCoefficients;
        self.gradients(output, [&x, &y], &upstream, &unused(&x), Gradients::Both)
    }

    /// `ssim_tiled` and `ssim_tiled_gradient`, for as many planes at once as the coefficients between
    /// the two leave room for.
    fn gradients(
        &self,
        output: Output,
        images: [&CubeTensor; 2],
        upstream: &CubeTensor,
        values: &CubeTensor,
        gradients: Gradients,
    ) -> [CubeTensor; 2] {
        let outputs = self.empty_gradients(images[0], gradients);
        let source = Source::tiled_gradient(&self.comparison, self.gradient_tile, gradients);
        let tiles = tiles(self.gradient_tile, [self.height, self.width]);
        for planes in self.all().step_by(self.planes_at_once()) {
            let planes = planes..self.planes().min(planes + self.planes_at_once());
            let coefficients = self.tiled(output, planes.clone(), images, upstream, values);
            let [x, y] = images;
            let buffers = [x, y, &coefficients, &outputs[0], &outputs[1]];
            self.launch(source.clone(), planes, tiles, &buffers);
        }
        outputs
    }

    /// `ssim_tiled`; returns the coefficients, if they're part of the output.
    fn tiled(
        &self,
        output: Output,
        planes: Range<usize>,
        [x, y]: [&CubeTensor; 2],
        upstream: &CubeTensor,
        values: &CubeTensor,
    ) -> CubeTensor {
        let coefficients = match output {
            Output::ScoresAndCoefficients | Output::WeightedCoefficients => {
                let [map_height, map_width] = self.map_size();
                empty_like(x, &[planes.len(), map_height, map_width, VEC4 / F32])
            }
            Output::Scores | Output::Map => unused(x),
        };
        let source = Source::tiled(&self.comparison, self.tile, output);
        let tiles = tiles(self.tile, self.map_size());
        let buffers = [x, y, upstream, values, &coefficients];
        self.launch(source, planes, tiles, &buffers);
        coefficients
    }

    fn all(&self) -> Range<usize> {
        0..self.planes()
    }

    /// Planes whose coefficients fit a buffer.
    fn planes_at_once(&self) -> usize {
        let [map_height, map_width] = self.map_size();
        let largest = self.client.properties().memory.max_page_size;
        let largest = usize::try_from(largest).unwrap_or(usize::MAX);
        largest / (map_height * map_width * VEC4)
    }

    fn map_size(&self) -> [usize; 2] {
        self.comparison.config.map_size(self.height, self.width)
    }

    fn empty_gradients(&self, x: &CubeTensor, gradients: Gradients) -> [CubeTensor; 2] {
        let [images, channels] = self.images;
        let like_images = || empty_like(x, &[images, channels, self.height, self.width]);
        match gradients {
            Gradients::None => [unused(x), unused(x)],
            Gradients::X => [like_images(), unused(x)],
            Gradients::Both => [like_images(), like_images()],
        }
    }

    /// Runs a kernel on some planes, so many workgroups each, with these buffers bound after the
    /// batch.
    fn launch(
        &self,
        source: Source,
        planes: Range<usize>,
        workgroups: usize,
        buffers: &[&CubeTensor],
    ) {
        let workgroups = planes.len() * workgroups;
        let rows = workgroups.div_ceil(MAX_WORKGROUPS);
        let columns = workgroups.div_ceil(rows);
        let [first, count, columns, rows, height, width] = [
            planes.start,
            planes.len(),
            columns,
            rows,
            self.height,
            self.width,
        ]
        .map(|size| u32::try_from(size).expect("buffers hold fewer than 2³² values"));
        let batch = [first, count, columns, height, width].map(u32::to_le_bytes);
        let batch: Handle = self.client.create_from_slice(&batch.concat());
        let arguments = KernelArguments::new().with_buffers(
            std::iter::once(batch)
                .chain(buffers.iter().map(|tensor| tensor.handle.clone()))
                .map(Handle::binding)
                .collect(),
        );
        let threads = CubeDim::new_1d(source.threads);
        self.client.launch(
            Box::new(SourceKernel::new(source, threads)),
            CubeCount::Static(columns, rows, 1),
            arguments,
        );
    }
}

/// How many tiles cover a plane of a size.
fn tiles(tile: [usize; 2], size: [usize; 2]) -> usize {
    size[0].div_ceil(tile[0]) * size[1].div_ceil(tile[1])
}

fn empty_like(x: &CubeTensor, shape: &[usize]) -> CubeTensor {
    empty_device_contiguous_dtype(
        x.client.clone(),
        x.device.clone(),
        Shape::from(shape),
        x.dtype,
    )
}

/// What stands for a buffer that a variant of a kernel names but doesn't touch.
fn unused(x: &CubeTensor) -> CubeTensor {
    empty_like(x, &[VEC4 / F32])
}

/// A kernel's source: the shader, and what is filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    shader: &'static str,
    values: Vec<(&'static str, String)>,
    threads: u32,
}

impl Source {
    /// `ssim_small`; None where planes are too large for it, or windows reach beyond them.
    fn small(comparison: &Comparison, size: [usize; 2], gradients: Gradients) -> Option<Self> {
        let config = &comparison.config;
        if config.border != Border::Valid {
            return None;
        }
        let [height, width] = size;
        let [map_height, map_width] = config.map_size(height, width);
        // The passes down columns have at most one task a thread.
        let rows = match gradients {
            Gradients::None => map_height,
            Gradients::X | Gradients::Both => height,
        };
        // Threads run in groups of 32 or 64.
        let threads = (rows.div_ceil(STRIP) * map_width).next_multiple_of(32);
        let memory = 2 * height * width * F32 + height * map_width * VEC4 + threads * F32;
        if threads > MAX_THREADS || memory > PORTABLE_MEMORY {
            return None;
        }
        let shader = include_str!("../../shaders/ssim_small.wgsl");
        Some(Self::new(
            shader,
            comparison,
            threads,
            [
                ("height", height.to_string()),
                ("width", width.to_string()),
                ("gradients", (gradients as u32).to_string()),
            ],
        ))
    }

    fn tiled(comparison: &Comparison, tile: [usize; 2], output: Output) -> Self {
        Self::new(
            include_str!("../../shaders/ssim_tiled.wgsl"),
            comparison,
            TILE_THREADS,
            [
                ("tile_height", tile[0].to_string()),
                ("tile_width", tile[1].to_string()),
                ("border", border_number(comparison.config.border)),
                ("output", (output as u32).to_string()),
                ("losses", LOSSES.to_string()),
            ],
        )
    }

    fn tiled_gradient(comparison: &Comparison, tile: [usize; 2], gradients: Gradients) -> Self {
        Self::new(
            include_str!("../../shaders/ssim_tiled_gradient.wgsl"),
            comparison,
            TILE_THREADS,
            [
                ("tile_height", tile[0].to_string()),
                ("tile_width", tile[1].to_string()),
                ("border", border_number(comparison.config.border)),
                ("gradients", (gradients as u32).to_string()),
            ],
        )
    }

    fn new(
        shader: &'static str,
        comparison: &Comparison,
        threads: usize,
        values: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let config = &comparison.config;
        let [c1, c2] = config.constants();
        let weights: Vec<String> = config.window.weights().into_iter().map(literal).collect();
        let term = match comparison.term {
            Term::Similarity => "0",
            Term::Luminance => "1",
            Term::ContrastStructure => "2",
        };
        let mut all = vec![
            ("size", config.window.size().to_string()),
            ("weights", weights.join(", ")),
            ("c1", literal(c1)),
            ("c2", literal(c2)),
            ("covariance_factor", literal(config.covariance_factor())),
            ("term", term.to_owned()),
            ("threads", threads.to_string()),
        ];
        all.extend(values);
        let threads = u32::try_from(threads).expect("at most MAX_THREADS");
        Self {
            shader,
            values: all,
            threads,
        }
    }
}

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        let window = include_str!("../../shaders/ssim_window.wgsl");
        let template = SourceTemplate::new(window).add_template(self.shader);
        self.values
            .iter()
            .fold(template, |template, (name, value)| {
                template.register(*name, value)
            })
    }

    /// Whatever is filled in, or a cache would hold the wrong kernel.
    fn id(&self) -> KernelId {
        KernelId::new::<Self>()
            .info(self.clone())
            .cube_dim(CubeDim::new_1d(self.threads).into())
            // The kernels guard their indices, and a counter in each loop would keep drivers from
            // unrolling them.
            .mode(ExecutionMode::Unchecked)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

fn border_number(border: Border) -> String {
    match border {
        Border::Valid => "0",
        Border::Zero => "1",
        Border::Reflect => "2",
    }
    .to_owned()
}

/// A WGSL number of type f32.
fn literal(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "the shaders are in f32")]
    let value = value as f32;
    format!("{value:e}f")
}

#[cfg(test)]
mod tests {
    use naga::back::{hlsl, msl, spv};
    use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
    use naga::{AddressSpace, Module, ShaderStage};

    use super::super::config::{Covariance, Preset, Window};
    use super::*;

    /// Every variant of every kernel, with a name.
    fn variants() -> Vec<(String, Source)> {
        let gaussian = |size| SsimConfig {
            window: Window::Gaussian { size, sigma: 1.5 },
            ..SsimConfig::default()
        };
        let configs = [
            Preset::Tf.config(),
            Preset::Skimage.config(),
            Preset::Torchmetrics.config(),
            Preset::Same.config(),
            SsimConfig {
                covariance: Covariance::Sample,
                ..gaussian(5)
            },
            gaussian(1),
            gaussian(21),
        ];
        let mut variants = Vec::new();
        for config in configs {
            for term in [Term::Similarity, Term::Luminance, Term::ContrastStructure] {
                let comparison = Comparison { config, term };
                let tile = |memory: Memory| {
                    tile(memory, config.window.size(), PORTABLE_MEMORY).expect("a portable window")
                };
                let name = |what: String| format!("{what}, {term:?}, {config:?}");
                for gradients in [Gradients::None, Gradients::X, Gradients::Both] {
                    for size in [[28, 28], [11, 11], [23, 17]] {
                        let shape = [1, 1, size[0], size[1]];
                        if config.check(shape, shape).is_err() {
                            continue;
                        }
                        let source = Source::small(&comparison, size, gradients);
                        let name = name(format!("small {size:?} {gradients:?}"));
                        variants.extend(source.map(|source| (name, source)));
                    }
                }
                for gradients in [Gradients::X, Gradients::Both] {
                    let source =
                        Source::tiled_gradient(&comparison, tile(gradient_memory), gradients);
                    variants.push((name(format!("tiled gradient {gradients:?}")), source));
                }
                for output in [
                    Output::Scores,
                    Output::ScoresAndCoefficients,
                    Output::Map,
                    Output::WeightedCoefficients,
                ] {
                    let source = Source::tiled(&comparison, tile(forward_memory), output);
                    variants.push((name(format!("tiled {output:?}")), source));
                }
            }
        }
        variants
    }

    fn parse(name: &str, source: &Source) -> (Module, ModuleInfo) {
        let text = source.source().complete();
        assert!(!text.contains("{{"), "{name}: a blank is left");
        let module = naga::front::wgsl::parse_str(&text)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&text)));
        // No capability that a GPU may lack: WebGPU's core.
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        let info = validator
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&text)));
        (module, info)
    }

    fn workgroup_memory(module: &Module) -> usize {
        let context = module.to_ctx();
        let variables = module.global_variables.iter();
        variables
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| module.types[variable.ty].inner.size(context) as usize)
            .sum()
    }

    #[test]
    fn kernels_are_valid_on_every_graphics_api_and_within_its_limits() {
        let variants = variants();
        assert!(variants.len() > 150, "{}", variants.len());
        for (name, source) in variants {
            let (module, info) = parse(&name, &source);
            assert!(workgroup_memory(&module) <= PORTABLE_MEMORY, "{name}");
            assert!(source.threads as usize <= MAX_THREADS, "{name}");

            let options = spv::Options::default();
            let vulkan = spv::write_vec(&module, &info, &options, None);
            assert!(!vulkan.expect(&name).is_empty());

            let options = msl::Options {
                fake_missing_bindings: true,
                ..msl::Options::default()
            };
            let metal =
                msl::write_string(&module, &info, &options, &msl::PipelineOptions::default());
            assert!(metal.expect(&name).0.contains("kernel void"), "{name}");

            let mut direct_x = String::new();
            let options = hlsl::Options::default();
            let entry = hlsl::PipelineOptions {
                entry_point: Some((ShaderStage::Compute, "main".to_owned())),
            };
            hlsl::Writer::new(&mut direct_x, &options, &entry)
                .write(&module, &info, None)
                .expect(&name);
            assert!(direct_x.contains("numthreads"), "{name}");
        }
    }

    #[test]
    fn the_formula_for_memory_is_what_the_kernels_use() {
        for config in [Preset::Tf, Preset::Skimage, Preset::Same].map(Preset::config) {
            let comparison = Comparison {
                config,
                term: Term::Similarity,
            };
            for tile in TILES {
                let memory = |source: &Source| workgroup_memory(&parse("", source).0);
                let forward = memory(&Source::tiled(&comparison, tile, Output::Scores));
                let backward = memory(&Source::tiled_gradient(&comparison, tile, Gradients::Both));
                let window = config.window.size();
                assert_eq!(forward, forward_memory(tile, window));
                assert_eq!(backward, gradient_memory(tile, window));
            }
        }
    }

    /// A cache that mistook one for the other would run the wrong kernel.
    #[test]
    fn different_kernels_have_different_ids() {
        let variants = variants();
        let ids: std::collections::HashSet<String> = variants
            .iter()
            .map(|(_, source)| source.id().stable_format())
            .collect();
        let texts: std::collections::HashSet<String> = variants
            .iter()
            .map(|(_, source)| source.source().complete())
            .collect();
        assert_eq!(ids.len(), texts.len());
    }

    #[test]
    fn images_of_fashion_mnist_are_small() {
        let comparison = Comparison {
            config: SsimConfig::default(),
            term: Term::Similarity,
        };
        assert!(Source::small(&comparison, [28, 28], Gradients::Both).is_some());
        assert!(Source::small(&comparison, [64, 64], Gradients::Both).is_none());
    }
}
