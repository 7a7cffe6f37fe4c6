//! What services offer, kept in the state folder: one file each.

use std::path::{Path, PathBuf};

use mcpstore_types::ServiceName;

use crate::private::{Closed, StateFileError, hold_private, put_private, read_private};

/// The folder of lists in the state folder.
const FOLDER: &str = "lists";

/// The file of a service's lists. Its name is a hash of the service's: those may hold what no file's name can.
fn path(state_folder: &Path, service: &ServiceName) -> PathBuf {
    use sha2::{Digest as _, Sha256};
    let hash = Sha256::digest(service.as_str().as_bytes());
    let name: String = hash[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    state_folder.join(FOLDER).join(format!("{name}.lists"))
}

/// What is kept of a service, at most `most` bytes and one; `None` when nothing is.
///
/// # Errors
/// [`StateFileError`]: the file is a link, another user's, or open to others; or what the system says.
pub fn read_lists(state_folder: &Path, service: &ServiceName, most: u64) -> Result<Option<Vec<u8>>, StateFileError> {
    read_private(&path(state_folder, service), Closed::ToAll, most)
}

/// Keeps these bytes of a service: in one step, durable, for its user alone.
///
/// # Errors
/// [`StateFileError`]: the folder, its lock, or what the system says.
pub fn write_lists(state_folder: &Path, service: &ServiceName, bytes: &[u8]) -> Result<(), StateFileError> {
    put_private(&hold_private(&path(state_folder, service))?, bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_read_and_nothing_that_others_may_touch() {
        let folder = tempfile::tempdir().unwrap();
        let name = ServiceName::new("a").unwrap();
        assert_eq!(read_lists(folder.path(), &name, 10).unwrap(), None);
        write_lists(folder.path(), &name, b"one").unwrap();
        write_lists(folder.path(), &name, b"two").unwrap();
        assert_eq!(read_lists(folder.path(), &name, 10).unwrap().unwrap(), b"two");
        assert_eq!(read_lists(folder.path(), &name, 1).unwrap().unwrap().len(), 2);
        let file = path(folder.path(), &name);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_lists(folder.path(), &name, 10), Err(StateFileError::Open { .. })));
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/dev/null", &file).unwrap();
        assert!(matches!(read_lists(folder.path(), &name, 10), Err(StateFileError::NotAFile { .. })));
    }
}
