//! Backends that can't be used.

/// A backend that can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No adapter at all.
    #[error(
        "`backend` wgpu: no graphics adapter found (Vulkan, Metal, DX12). Install the driver of \
         your GPU, or use `backend` flex, which needs none. `trainer devices` lists what is there"
    )]
    NoAdapter,
    /// A backend that this program was built without.
    #[error(
        "`backend` {backend}: this program was built without it: build it with trainer's feature \
         {backend}"
    )]
    NotBuilt {
        /// The backend.
        backend: &'static str,
    },
    /// An index behind the end of the list.
    #[error("`device` {index}: there {} with `backend` {backend}; `trainer devices` lists them",
        match count { 1 => "is only device 0".to_owned(), n => format!("are only devices 0 to {}", n - 1) })]
    Index {
        /// What was asked for.
        index: usize,
        /// How many there are.
        count: usize,
        /// The backend.
        backend: &'static str,
    },
    /// An adapter that cubecl can't be told to use.
    #[error(
        "`device` {index}: {name} can't be selected, since adapters that don't say what they are, and \
         all software adapters but the first, have no name of their own; choose another one from \
         `trainer devices`"
    )]
    NotSelectable {
        /// Its place in the list.
        index: usize,
        /// Its name.
        name: String,
    },
    /// A browser that gives no GPU.
    #[error("no GPU by WebGPU: {message}")]
    NoWebGpu {
        /// What the browser said.
        message: String,
    },
    /// An adapter whose driver failed.
    #[error(
        "`backend` wgpu: {name} can't be used: {message}. Update its driver, or use `backend` flex"
    )]
    Unusable {
        /// The adapter.
        name: String,
        /// What the driver said.
        message: String,
    },
}
