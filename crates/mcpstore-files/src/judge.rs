//! Whether somebody else can change a file.

use std::fmt;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use mcpstore_config::{Diagnostic, unsafe_file_diagnostic};

use crate::group;
use crate::quote::quoted;
use crate::trail::Trail;

/// Why a file is not safe to read a config from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It belongs to this user, who is neither us nor root.
    ForeignOwner(u32),
    /// Everyone may write to it.
    WorldWritable,
    /// This group may write to it, and is not known to be ours alone.
    GroupWritable(u32),
    /// It is a folder in which everyone may replace the files of others.
    OpenFolder,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ForeignOwner(uid) => write!(f, "belongs to another user (uid {uid})"),
            Self::WorldWritable => f.write_str("can be changed by everyone on this machine"),
            Self::GroupWritable(gid) => write!(f, "can be changed by a group that is not yours alone (gid {gid})"),
            Self::OpenFolder => f.write_str("is a folder in which everyone on this machine can replace files"),
        }
    }
}

/// A file, or a folder on the way to it, that somebody else can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    /// The file or folder.
    pub path: PathBuf,
    /// Who can change it.
    pub fault: Fault,
}

impl Unsafe {
    /// The command that mends it, as it is typed into a shell.
    #[must_use]
    pub fn command(&self) -> String {
        let path = quoted(&self.path);
        match self.fault {
            Fault::ForeignOwner(_) => {
                let me = me();
                if me == ROOT { format!("chown {me} {path}") } else { format!("sudo chown {me} {path}") }
            }
            Fault::WorldWritable | Fault::GroupWritable(_) => format!("chmod go-w {path}"),
            Fault::OpenFolder => format!("chmod o-w {path}"),
        }
    }

    /// The same as a problem of a config (`MS031`).
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        unsafe_file_diagnostic(&self.path.to_string_lossy(), &self.fault.to_string(), &self.command())
    }
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}; run: {}", self.path.display(), self.fault, self.command())
    }
}

const ROOT: u32 = 0;

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What of a file decides about it.
struct Facts {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl From<&Metadata> for Facts {
    fn from(meta: &Metadata) -> Self {
        Self { uid: meta.uid(), gid: meta.gid(), mode: meta.mode() }
    }
}

/// Judges an open file by what the system says of it, so that nobody can put another in its place meanwhile.
///
/// The bits of the group are also the most that an access list (ACL) lets anybody do: a file with one, and with these bits,
/// is not ours alone whatever its group is.
pub(crate) fn judge_file(path: &Path, file: &File, meta: &Metadata) -> Result<(), Unsafe> {
    let is_private = |gid, uid| group::is_private(gid, uid) && !has_access_list(file);
    match file_fault(&meta.into(), me(), &is_private) {
        None => Ok(()),
        Some(fault) => Err(Unsafe { path: path.to_path_buf(), fault }),
    }
}

#[cfg(target_os = "linux")]
fn has_access_list(file: &File) -> bool {
    // Asked for its length alone.
    rustix::fs::fgetxattr(file, "system.posix_acl_access", &mut [0_u8; 0]).is_ok()
}

/// Elsewhere access lists stand beside the bits, and only a library of the system knows them.
#[cfg(not(target_os = "linux"))]
const fn has_access_list(_: &File) -> bool {
    false
}

fn file_fault(file: &Facts, me: u32, is_private: &dyn Fn(u32, u32) -> bool) -> Option<Fault> {
    if file.uid != me && file.uid != ROOT {
        return Some(Fault::ForeignOwner(file.uid));
    }
    if file.mode & 0o002 != 0 {
        return Some(Fault::WorldWritable);
    }
    (file.mode & 0o020 != 0 && !is_private(file.gid, me)).then_some(Fault::GroupWritable(file.gid))
}

/// Judges every folder on the way: those of the file, and those of each link, up to the root.
///
/// Only a folder that is open to everyone counts. What its owner or a group could put there would belong to them, and be
/// refused for that.
pub(crate) fn judge_folders(trail: &Trail) -> Result<(), Unsafe> {
    let mut folders: Vec<&Path> = trail.folders().into_iter().flat_map(Path::ancestors).collect();
    folders.sort_unstable();
    folders.dedup();
    for folder in folders {
        // One that went away meanwhile cannot be changed.
        let Ok(meta) = std::fs::symlink_metadata(folder) else { continue };
        if meta.is_dir() && folder_fault(meta.mode()) {
            return Err(Unsafe { path: folder.to_path_buf(), fault: Fault::OpenFolder });
        }
    }
    Ok(())
}

/// True for a folder where everyone may write, and nothing keeps them to their own files (the sticky bit).
const fn folder_fault(mode: u32) -> bool {
    mode & 0o1002 == 0o002
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(uid: u32, gid: u32, mode: u32) -> Option<Fault> {
        file_fault(&Facts { uid, gid, mode }, 1000, &|gid, uid| gid == 1000 && uid == 1000)
    }

    #[test]
    fn ours_and_those_of_root_are_safe_unless_others_may_write() {
        assert_eq!(fault(1000, 1000, 0o100_600), None);
        assert_eq!(fault(1000, 100, 0o100_644), None);
        assert_eq!(fault(0, 0, 0o100_644), None);
        assert_eq!(fault(1000, 1000, 0o100_664), None, "the group that is ours alone");
        assert_eq!(fault(1000, 100, 0o100_664), Some(Fault::GroupWritable(100)));
        assert_eq!(fault(0, 0, 0o100_620), Some(Fault::GroupWritable(0)));
        assert_eq!(fault(1000, 1000, 0o100_666), Some(Fault::WorldWritable));
        assert_eq!(fault(1000, 1000, 0o100_602), Some(Fault::WorldWritable));
        assert_eq!(fault(1001, 1000, 0o100_600), Some(Fault::ForeignOwner(1001)));
    }

    #[test]
    fn a_folder_open_to_all_is_safe_only_when_sticky() {
        assert!(folder_fault(0o040_777));
        assert!(!folder_fault(0o041_777));
        assert!(!folder_fault(0o040_775));
    }

    #[test]
    fn the_command_mends_it() {
        let word = |fault| Unsafe { path: "/a b".into(), fault }.command();
        assert_eq!(word(Fault::WorldWritable), "chmod go-w '/a b'");
        assert_eq!(word(Fault::OpenFolder), "chmod o-w '/a b'");
        assert!(word(Fault::ForeignOwner(7)).ends_with(&format!("chown {} '/a b'", me())));
    }
}
