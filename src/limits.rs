//! Limits that the system sets to a process, in words: which one is reached, and what to do.

/// Where a thread can't be started.
pub(crate) const NO_THREAD: &str = "the system grants no more threads. Close other programs; set \
     RAYON_NUM_THREADS, the number of threads that compute, to fewer; or raise the limit of processes \
     (`ulimit -u`, a container's `pids.max`) or of memory (`ulimit -v`)";

/// What to do about the limit that is the cause of an error, if its words tell of one.
#[cfg(all(feature = "cli", unix))]
pub(crate) fn remedy(message: &str) -> Option<&'static str> {
    const REMEDIES: [(i32, &str); 2] = [
        (
            libc::EFBIG,
            "a file may not become so large; raise the limit (`ulimit -f`), or write to another file system",
        ),
        (
            libc::EMFILE,
            "too many files are open; raise the limit (`ulimit -n`)",
        ),
    ];
    let is_cause = |(code, _): &&(i32, &str)| message.contains(&format!("(os error {code})"));
    REMEDIES.iter().find(is_cause).map(|(_, remedy)| *remedy)
}

#[cfg(all(feature = "cli", not(unix)))]
pub(crate) fn remedy(_: &str) -> Option<&'static str> {
    None
}
