//! The `trainer` program: parse, run, print an error once, exit code.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Write, stderr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use trainer::cli::{Cli, advice};
use trainer::device::{catch_panics, keep_panics};

#[global_allocator]
static ALLOCATOR: OrExit = OrExit;

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    keep_freed_memory();
    keep_panics();
    let result =
        catch_panics(Cli::run_process).unwrap_or_else(|panic| Err(advice::of_panic(panic)));
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            // Where standard error is closed, the exit code is all that is left to say.
            let _ = writeln!(stderr(), "error: {}", advice::message(&error));
            advice::exit(&error).into()
        }
    }
}

/// Has glibc keep what is freed. Training frees and takes megabytes at every operation, and each time the system
/// would have to take them back and clear them again: a tenth of the time on two cores.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn keep_freed_memory() {
    /// Larger pieces, which glibc always asks the system for: the most that it takes.
    const MAPPED: libc::c_int = 32 << 20;
    #[expect(unsafe_code, reason = "a function of C")]
    // SAFETY: they set two numbers, before there is another thread. If they can't, nothing changes.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
    }
}

/// The system's allocator. Where it grants no more memory, the program says so and ends; Rust's own
/// answer is an abort, with a stack trace and a core file.
struct OrExit;

impl OrExit {
    fn granted(memory: *mut u8, bytes: usize) -> *mut u8 {
        if memory.is_null() {
            out_of_memory(bytes);
        }
        memory
    }
}

#[expect(
    unsafe_code,
    reason = "there is no other way to notice that memory is refused"
)]
// SAFETY: all that is asked for is handed on to the system's allocator, and so is what it returns.
unsafe impl GlobalAlloc for OrExit {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::granted(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::granted(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        Self::granted(unsafe { System.realloc(memory, layout, bytes) }, bytes)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Nothing here allocates.
fn out_of_memory(bytes: usize) -> ! {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        let _ = writeln!(
            stderr(),
            "error: out of memory: the system doesn't grant {bytes} bytes more. Lower --batch-size or \
             --latent-dim, take smaller images, set RAYON_NUM_THREADS to fewer, or raise the limit \
             (`ulimit -v`, or the container's). `trainer resume` continues a run from its last checkpoint"
        );
    }
    exit_at_once()
}

/// Without the handlers that libraries have set for the end, which may want memory.
#[cfg(unix)]
#[expect(
    unsafe_code,
    reason = "the standard library has no exit without handlers"
)]
fn exit_at_once() -> ! {
    // SAFETY: it only ends the process.
    unsafe { libc::_exit(1) }
}

#[cfg(not(unix))]
fn exit_at_once() -> ! {
    std::process::exit(1)
}
