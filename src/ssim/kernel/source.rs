//! A kernel's WGSL: the shader with the parts that it shares with others, and its constants.

use burn_cubecl::cubecl::ir::settings::ExecutionMode;
use burn_cubecl::cubecl::prelude::KernelId;
use burn_wgpu::{CubeDim, KernelSource, SourceTemplate};

use super::memory::{F32, MAX_THREADS, PORTABLE_MEMORY, STRIP, TILE_THREADS, VEC4};
use crate::ssim::comparison::{Comparison, Term};
use crate::ssim::config::Border;

/// The losses of a plane's tiles are stored in rows of this length.
pub(super) const LOSSES: usize = 256;

/// Which gradients come with the scores: `GRADIENTS` in the shaders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gradients {
    None,
    X,
    Both,
}

/// What `ssim_tiled` computes: its `OUTPUT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    Scores,
    ScoresAndCoefficients,
    Map,
    WeightedCoefficients,
}

/// The kernels, each a file of `shaders/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Shader {
    Small,
    Tiled,
    TiledGradient,
}

impl Shader {
    /// The file, after those that it includes.
    fn parts(self) -> &'static [&'static str] {
        const WINDOW: &str = include_str!("../../../shaders/ssim_window.wgsl");
        const SMALL: &str = include_str!("../../../shaders/ssim_small.wgsl");
        const TILE: &str = include_str!("../../../shaders/ssim_tile.wgsl");
        const TILED: &str = include_str!("../../../shaders/ssim_tiled.wgsl");
        const TILED_GRADIENT: &str = include_str!("../../../shaders/ssim_tiled_gradient.wgsl");
        match self {
            Self::Small => &[WINDOW, SMALL],
            Self::Tiled => &[WINDOW, TILE, TILED],
            Self::TiledGradient => &[WINDOW, TILE, TILED_GRADIENT],
        }
    }
}

/// A kernel's source: the shader, and the constants that are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    shader: Shader,
    values: Vec<(&'static str, String)>,
    threads: u32,
}

impl Source {
    /// `ssim_small`; None where planes are too large for it, or windows reach beyond them.
    pub fn small(comparison: &Comparison, size: [usize; 2], gradients: Gradients) -> Option<Self> {
        let config = &comparison.config;
        if config.border != Border::Valid {
            return None;
        }
        let [height, width] = size;
        let [map_height, map_width] = config.map_size(height, width);
        // The passes down columns have at most one task per thread.
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
        Some(Self::new(
            Shader::Small,
            comparison,
            threads,
            [
                ("height", height.to_string()),
                ("width", width.to_string()),
                ("gradients", (gradients as u32).to_string()),
            ],
        ))
    }

    /// `ssim_tiled`, with tiles of this height and width.
    pub fn tiled(comparison: &Comparison, tile: [usize; 2], output: Output) -> Self {
        Self::new(
            Shader::Tiled,
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

    /// `ssim_tiled_gradient`, with tiles of this height and width.
    pub fn tiled_gradient(comparison: &Comparison, tile: [usize; 2], gradients: Gradients) -> Self {
        Self::new(
            Shader::TiledGradient,
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

    /// Threads of a workgroup.
    pub fn threads(&self) -> u32 {
        self.threads
    }

    fn new(
        shader: Shader,
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
        let parts = SourceTemplate::new(self.shader.parts().concat());
        self.values.iter().fold(parts, |template, (name, value)| {
            template.register(*name, value)
        })
    }

    /// Includes all constants: two kernels with one identity would be mistaken for each other in a cache.
    fn id(&self) -> KernelId {
        KernelId::new::<Self>()
            .info(self.clone())
            .cube_dim(CubeDim::new_1d(self.threads).into())
            // The kernels check their indices themselves, and a counter in each loop would keep drivers
            // from unrolling it.
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
