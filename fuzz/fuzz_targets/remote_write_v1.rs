//! See `nightjar_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nightjar_fuzz::remote_write(nightjar_remote_write::Protocol::V1, data));
