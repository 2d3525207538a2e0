//! Writes the seeds of every fuzz target into `corpus`. They are those that the ordinary tests replay.

#[path = "../../../tests/attacks/seeds.rs"]
mod seeds;

use std::path::{Path, PathBuf};

/// A folder below the one of `authenticator-core`.
fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The targets are the arguments.
fn main() -> std::io::Result<()> {
    let mut written = 0;
    for target in std::env::args().skip(1) {
        let corpus = folder("fuzz/corpus").join(&target);
        std::fs::create_dir_all(&corpus)?;
        for (number, seed) in seeds::seeds(&target).iter().enumerate() {
            std::fs::write(corpus.join(format!("seed-{number:04}")), seed)?;
            written += 1;
        }
    }
    println!("{written} seeds from tests/vectors");
    Ok(())
}
