//! See `authenticator_core::testing::attack::consent`.
#![no_main]

use authenticator_core::testing::attack;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    attack::consent(data);
});
