#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| meshwhy_fuzz::hold("json", data));
