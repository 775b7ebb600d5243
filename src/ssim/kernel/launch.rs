//! The kernels that compare images of one shape, and their launches.

use std::ops::Range;

use burn::backend::TensorMetadata;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{DType, FloatDType, Shape};
use burn_cubecl::cubecl::CubeCount;
use burn_cubecl::cubecl::client::Client;
use burn_cubecl::cubecl::server::{Handle, KernelArguments};
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_wgpu::{CubeBackend, CubeDim, CubeTensor, SourceKernel, into_contiguous};

use super::memory::{F32, MAX_WORKGROUPS, VEC4, forward_memory, gradient_memory, tile};
use super::source::{Gradients, LOSSES, Output, Source};
use crate::ssim::comparison::Comparison;

/// Whether the device takes kernels in WGSL. Others, such as CUDA, compare by tensor operations.
pub(super) fn compiles_wgsl(client: &Client) -> bool {
    client.name().contains("wgsl")
}

/// Bytes of memory that a workgroup can have.
pub(super) fn available_memory(client: &Client) -> usize {
    client.properties().hardware.max_shared_memory_size
}

/// The kernels for images of one shape, one comparison and one device.
pub(super) struct Kernels {
    comparison: Comparison,
    client: Client,
    /// N and C: planes are compared one by one, N · C of them.
    images: [usize; 2],
    height: usize,
    width: usize,
    tile: [usize; 2],
    gradient_tile: [usize; 2],
}

impl Kernels {
    /// None where the device can't run them: it doesn't take WGSL, values aren't f32, or there is too
    /// little memory in a workgroup or, for gradients, in a buffer.
    pub fn new(x: &CubeTensor, comparison: Comparison, gradients: bool) -> Option<Self> {
        let client = x.client.clone();
        let shape = x.shape();
        let window = comparison.config.window.size();
        let tile = |memory| tile(memory, window, available_memory(&client));
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
    pub fn scores(
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
        // In two steps: on an emulated GPU, a loop may end after 65,535 iterations.
        let losses = CubeBackend::float_sum_dim(CubeBackend::float_sum_dim(losses, 2), 1);
        let negative = CubeBackend::float_mul_scalar(losses, (-1.0 / positions).into());
        let scores = CubeBackend::float_add_scalar(negative, 1.0.into());
        let scores = CubeBackend::float_reshape(scores, Shape::from(self.images));
        (scores, gradients)
    }

    /// The term in each window.
    pub fn map(&self, x: CubeTensor, y: CubeTensor) -> CubeTensor {
        let (x, y) = (into_contiguous(x), into_contiguous(y));
        let [map_height, map_width] = self.map_size();
        let [images, channels] = self.images;
        let map = empty_like(&x, &[images, channels, map_height, map_width]);
        self.tiled(Output::Map, self.all(), [&x, &y], &unused(&x), &map);
        map
    }

    /// The gradients of the map's sum, weighted by `upstream`.
    pub fn map_gradients(
        &self,
        x: CubeTensor,
        y: CubeTensor,
        upstream: CubeTensor,
    ) -> [CubeTensor; 2] {
        let [x, y, upstream] = [x, y, upstream].map(into_contiguous);
        let output = Output::WeightedCoefficients;
        self.gradients(output, [&x, &y], &upstream, &unused(&x), Gradients::Both)
    }

    /// `ssim_tiled` and `ssim_tiled_gradient`, for as many planes at a time as have room for their
    /// coefficients, which pass from one to the other.
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

    /// The number of planes whose coefficients fit a buffer.
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

    /// Runs a kernel on a range of planes, with a number of workgroups per plane, and with these buffers
    /// bound after the batch.
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
        let threads = CubeDim::new_1d(source.threads());
        self.client.launch(
            Box::new(SourceKernel::new(source, threads)),
            CubeCount::Static(columns, rows, 1),
            arguments,
        );
    }
}

/// The number of tiles that cover a plane of this height and width.
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

/// A placeholder for a buffer that a variant of a kernel declares but doesn't touch.
fn unused(x: &CubeTensor) -> CubeTensor {
    empty_like(x, &[VEC4 / F32])
}
