//! From files to batches: what loads, what is refused and in which words, and how images are divided.

macro_rules! assert_error {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern $(if $guard)?)),
        }
    };
}

mod batches;
mod classes;
mod download;
mod files;
mod formats;
mod inputs;
mod split;
mod support;
