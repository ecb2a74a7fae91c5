//! See `nightjar_fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| nightjar_fuzz::alert_log(data));
