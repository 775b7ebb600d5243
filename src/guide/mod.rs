//! The guide: what the README has no room for, one chapter per module.
//!
//! Each chapter is a Markdown file in `src/guide/`, to be read here or in the repository:
//!
//! - using the program: [`getting_started`], [`images`], [`settings`], [`using`], [`compression`], [`export`], [`browser`],
//!   [`run_folder`], [`reliability`];
//! - how it works: [`models`], [`ssim`];
//! - what it achieves: [`results`], [`benchmarks`], [`experiments`].

/// Declares the chapters, each a Markdown file of the same name.
///
/// Chapters link to one another by titles in brackets. In Markdown the first definition of such a link
/// counts: here that is the one put before the file, a module; in the repository it's the file's own, a file.
macro_rules! chapters {
    ($($name:ident $file:literal)*) => {$(
        #[doc = "[Getting started]: crate::guide::getting_started"]
        #[doc = "[Your own images]: crate::guide::images"]
        #[doc = "[Settings]: crate::guide::settings"]
        #[doc = "[Using a model]: crate::guide::using"]
        #[doc = "[Compression]: crate::guide::compression"]
        #[doc = "[Export]: crate::guide::export"]
        #[doc = "[In a browser]: crate::guide::browser"]
        #[doc = "[Run folder]: crate::guide::run_folder"]
        #[doc = "[Reliability]: crate::guide::reliability"]
        #[doc = "[SSIM]: crate::guide::ssim"]
        #[doc = "[Models]: crate::guide::models"]
        #[doc = "[Results]: crate::guide::results"]
        #[doc = "[Benchmarks]: crate::guide::benchmarks"]
        #[doc = "[Experiments]: crate::guide::experiments"]
        #[doc = ""]
        #[doc = include_str!($file)]
        pub mod $name {}
    )*};
}

chapters! {
    getting_started "getting_started.md"
    images "images.md"
    settings "settings.md"
    using "using.md"
    compression "compression.md"
    export "export.md"
    browser "browser.md"
    run_folder "run_folder.md"
    reliability "reliability.md"
    ssim "ssim.md"
    models "models.md"
    results "results.md"
    benchmarks "benchmarks.md"
    experiments "experiments.md"
}
