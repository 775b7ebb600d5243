//! The kernels' sources, without a GPU.

#[cfg(feature = "cli")]
mod validation;

use std::collections::HashSet;

use burn_wgpu::KernelSource;

use super::memory::{Memory, PORTABLE_MEMORY, forward_memory, gradient_memory, tile};
use super::source::{Gradients, Output, Source};
use crate::ssim::comparison::{Comparison, Term};
use crate::ssim::config::{Covariance, Preset, SsimConfig, Window};

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
                let source = Source::tiled_gradient(&comparison, tile(gradient_memory), gradients);
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

/// A cache that mistook one for the other would run the wrong kernel.
#[test]
fn different_kernels_have_different_ids() {
    let variants = variants();
    let ids: HashSet<String> = variants
        .iter()
        .map(|(_, source)| source.id().stable_format())
        .collect();
    let texts: HashSet<String> = variants
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
