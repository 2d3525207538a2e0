//! Files and folders that only their owner may read: they hold keys and tokens.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use anyhow::Context as _;

/// Makes a folder, and those above it, unless they are there.
pub(crate) fn folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Opens a file to write, or makes it. One that others could read becomes private.
pub(crate) fn file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let file = options.open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// Makes a folder this sandbox's own until the file is closed, however the process ends: a second sandbox on the same state
/// would have other ports, and pushes that go out twice.
pub(crate) fn lock(path: &Path) -> anyhow::Result<File> {
    folder(path)?;
    let file = file(&path.join("sandbox.lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another sandbox is using {}: stop it, or choose another folder with --data",
            path.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777
    }

    #[test]
    fn nobody_else_can_read_what_is_made_here() {
        let root = tempfile::tempdir().expect("folder");
        let made = root.path().join("a/b");
        folder(&made).expect("made");
        file(&made.join("new")).expect("made");
        assert_eq!((mode(&made), mode(&made.join("new"))), (0o700, 0o600));
    }

    #[test]
    fn a_folder_belongs_to_one_sandbox_at_a_time() {
        let root = tempfile::tempdir().expect("folder");
        let first = lock(root.path()).expect("free");
        let refused = lock(root.path()).expect_err("taken").to_string();
        assert!(refused.contains("another sandbox is using"), "{refused}");
        drop(first);
        lock(root.path()).expect("free again");
    }

    #[test]
    fn an_open_file_is_closed_to_others_and_keeps_its_content() {
        let root = tempfile::tempdir().expect("folder");
        let old = root.path().join("old");
        std::fs::write(&old, "kept").expect("written");
        std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o644)).expect("set");
        file(&old).expect("opened");
        assert_eq!(mode(&old), 0o600);
        assert_eq!(std::fs::read_to_string(&old).expect("read"), "kept");
    }
}
