//! See `authenticator_core::testing::attack::signature`.
#![no_main]

use authenticator_core::testing::attack;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    attack::signature(data);
});
