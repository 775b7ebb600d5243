//! What naga, wgpu's compiler of shaders, makes of the kernels.

use burn_wgpu::KernelSource;
use naga::back::{hlsl, msl, spv};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ShaderStage};

use super::variants;
use crate::ssim::comparison::{Comparison, Term};
use crate::ssim::config::Preset;
use crate::ssim::kernel::memory::{
    MAX_THREADS, PORTABLE_MEMORY, TILES, forward_memory, gradient_memory,
};
use crate::ssim::kernel::source::{Gradients, Output, Source};

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
        assert!(source.threads() as usize <= MAX_THREADS, "{name}");

        let options = spv::Options::default();
        let vulkan = spv::write_vec(&module, &info, &options, None);
        assert!(!vulkan.expect(&name).is_empty());

        let options = msl::Options {
            fake_missing_bindings: true,
            ..msl::Options::default()
        };
        let metal = msl::write_string(&module, &info, &options, &msl::PipelineOptions::default());
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
