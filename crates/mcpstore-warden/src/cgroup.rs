//! A cgroup (v2) for each life, where one can be made: the kernel holds everybody of it together, and kills them in one go.
//!
//! A net more beside the hunt through `/proc`, and never a condition. The folder of a manager stands in the cgroup that it
//! is in itself, and is there only while a life is.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// How often a folder is made anew that the end of another life took away meanwhile.
const TRIES: u32 = 8;
/// How deep a server's own cgroups are removed.
const DEPTH: u32 = 16;
/// What the folders of managers begin with.
const PREFIX: &str = "mcpstore-";

/// The cgroup of one life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf(PathBuf);

impl Leaf {
    /// Makes the cgroup of the life of this mark; nothing where that cannot be done. The mark has a `-`, before which stands what
    /// no other manager has.
    #[must_use]
    pub fn make(mark: &str) -> Option<Self> {
        static OURS: OnceLock<Option<PathBuf>> = OnceLock::new();
        let path = place(OURS.get_or_init(own).as_deref()?, mark)?;
        for _ in 0..TRIES {
            if let Err(error) = fs::create_dir(path.parent()?)
                && error.kind() != ErrorKind::AlreadyExists
            {
                return None;
            }
            match fs::create_dir(&path) {
                Ok(()) => return Some(Self(path)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// The cgroup at this path, when that is one that [`Leaf::make`] makes for this mark.
    #[must_use]
    pub fn of(path: PathBuf, mark: &str) -> Option<Self> {
        let base = path.parent()?.parent()?;
        (path.is_absolute() && place(base, mark)? == path).then_some(Self(path))
    }

    /// The cgroup at this path, whatever its name is.
    pub(crate) const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Kills everybody in it, and whoever is born there meanwhile. Needs Linux 5.14; nothing happens before that.
    pub fn kill(&self) {
        // Gone is as good as killed.
        let _ = fs::OpenOptions::new()
            .write(true)
            .open(self.0.join("cgroup.kill"))
            .and_then(|mut file| io::Write::write_all(&mut file, b"1"));
    }

    /// Somebody in it lives.
    #[must_use]
    pub fn populated(&self) -> bool {
        fs::read_to_string(self.0.join("cgroup.events")).is_ok_and(|events| events.lines().any(|l| l == "populated 1"))
    }

    /// Who is in it, its own cgroups left out.
    #[must_use]
    pub fn members(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Removes it when nobody in it lives, and its manager's folder after the last one.
    pub fn remove(&self) {
        remove(&self.0, DEPTH);
        if let Some(folder) = self.0.parent() {
            // Fails while another life is in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Removes a cgroup, after those that its members made in it.
fn remove(path: &Path, depth: u32) {
    let busy = fs::remove_dir(path).is_err_and(|error| error.kind() != ErrorKind::NotFound);
    if busy && depth > 0 {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                remove(&entry.path(), depth - 1);
            }
        }
        let _ = fs::remove_dir(path);
    }
}

/// Where the life of this mark has its cgroup below `base`.
fn place(base: &Path, mark: &str) -> Option<PathBuf> {
    let (manager, life) = mark.rsplit_once('-')?;
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain(manager) && plain(life)).then(|| base.join(format!("{PREFIX}{manager}")).join(life))
}

/// The folder of the cgroup that this process is in.
fn own() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    find(&mounts, &groups)
}

/// Reads `id parent device root point options … - cgroup2 …` and `0::path`. A path with blanks is not found.
fn find(mounts: &str, groups: &str) -> Option<PathBuf> {
    let path = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        // Outside of what is mounted it begins with `/..`.
        let inside = path.strip_prefix(root).ok().filter(|path| !path.starts_with(".."))?;
        kind.starts_with("cgroup2 ").then(|| Path::new(point).join(inside))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn it_is_found_where_it_is_mounted() {
        let found = |mounts, groups| find(mounts, groups).map(|path| path.display().to_string());
        assert_eq!(found(MOUNTS, "1:cpu:/x\n0::/\n").as_deref(), Some("/sys/fs/cgroup/unified/"));
        assert_eq!(found(MOUNTS, "0::/user/a\n").as_deref(), Some("/sys/fs/cgroup/unified/user/a"));
        let bound = "9 1 0:3 /user /mnt ro shared:4 - cgroup2 none rw\n";
        assert_eq!(found(bound, "0::/user/a\n").as_deref(), Some("/mnt/a"));
        assert_eq!(found(bound, "0::/other\n"), None);
        assert_eq!(found(MOUNTS, "0::/../other\n"), None);
        assert_eq!(found(MOUNTS, "1:cpu:/x\n"), None);
        assert_eq!(found("", "0::/\n"), None);
    }

    #[test]
    fn only_the_place_of_a_mark_is_its_own() {
        let path = PathBuf::from("/sys/fs/cgroup/mcpstore-ab12-7/3");
        assert_eq!(Leaf::of(path.clone(), "ab12-7-3"), Some(Leaf(path)));
        for (path, mark) in [
            ("/sys/fs/cgroup/mcpstore-ab12-7/3", "ab12-7-4"),
            ("/sys/fs/cgroup/user.slice/3", "ab12-7-3"),
            ("mcpstore-ab12-7/3", "ab12-7-3"),
            ("/mcpstore-../3", "..-3"),
            ("/", "ab12-7-3"),
        ] {
            assert_eq!(Leaf::of(PathBuf::from(path), mark), None, "{path}");
        }
    }
}
