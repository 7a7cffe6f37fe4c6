//! Which files a server may reach in the sandboxes `restricted` and `isolated`: what programs need, and what its spec names.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};

use mcpstore_types::StdioSpec;
use mcpstore_warden::Reach;

use super::program;
use crate::LaunchError;

/// Where systems keep programs, libraries and their settings.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/run/current-system",
    "/snap",
];

/// Where version managers and installers of one user keep programs, below the home folder. No settings: tokens stand there.
const TOOLS: &[&str] = &[
    ".asdf",
    ".bun/bin",
    ".cargo/bin",
    ".deno/bin",
    ".fnm",
    ".local/bin",
    ".local/lib",
    ".local/share/fnm",
    ".local/share/mise",
    ".local/share/pipx",
    ".local/share/pnpm",
    ".local/share/uv",
    ".nvm",
    ".pyenv",
    ".rbenv",
    ".rustup",
    ".volta",
];

/// Variables that name a file or a folder of certificates.
const CERTIFICATES: &[&str] = &[
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "npm_config_cafile",
    "PIP_CERT",
];

/// What the files of a server are found by.
pub(super) struct Server<'s> {
    pub(super) spec: &'s StdioSpec,
    /// Its whole environment.
    pub(super) env: &'s BTreeMap<OsString, OsString>,
    /// Its program.
    pub(super) file: &'s Path,
}

impl Server<'_> {
    /// Everything but devices, `/proc`, `/sys` and the folder for temporary files, which each sandbox has in its own way.
    ///
    /// Makes the caches of the package installer that is launched, when they are missing.
    pub(super) fn reach(&self) -> Result<Reach, LaunchError> {
        let mut read: Vec<PathBuf> = SYSTEM.iter().map(PathBuf::from).collect();
        read.extend(self.home().into_iter().flat_map(|home| TOOLS.iter().map(move |tool| home.join(tool))));
        // The system's name servers are often stated elsewhere, in a file that is replaced now and then.
        read.extend(Path::new("/etc/resolv.conf").canonicalize().ok().and_then(|file| Some(file.parent()?.to_owned())));
        read.extend(CERTIFICATES.iter().filter_map(|name| self.path(name)));
        let path = self.env.get(OsStr::new("PATH"));
        let cwd = self.spec.cwd.as_deref();
        for folder in path.map(std::env::split_paths).into_iter().flatten().filter(|p| !p.as_os_str().is_empty()) {
            read.extend(self.installation(&cwd.map_or_else(|| folder.clone(), |cwd| cwd.join(&folder))));
        }
        for file in
            [Some(self.file.to_owned()), program::interpreter(self.file).map(PathBuf::from)].into_iter().flatten()
        {
            for file in [file.canonicalize().ok(), Some(file)].into_iter().flatten().filter(|file| file.is_absolute()) {
                read.extend(file.parent().map(|folder| self.installation(folder)).into_iter().flatten());
                read.push(file);
            }
        }
        let mut write: Vec<PathBuf> = cwd.map(Path::to_owned).into_iter().collect();
        write.extend(self.caches());
        for path in self.spec.sandbox_read.iter().chain(&self.spec.sandbox_write) {
            if path.metadata().is_err() {
                return Err(LaunchError::BadSandboxPath { path: path.clone() });
            }
        }
        read.extend(self.spec.sandbox_read.iter().cloned());
        write.extend(self.spec.sandbox_write.iter().cloned());
        Ok(Reach { read, write })
    }

    /// Its folder for temporary files.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path("TMPDIR").filter(|folder| self.is_narrow(folder)).unwrap_or_else(|| "/tmp".into())
    }

    /// A folder of programs, and what was installed with them: of `x/bin`, all of `x`.
    fn installation(&self, folder: &Path) -> Vec<PathBuf> {
        let whole = folder.parent().filter(|_| folder.ends_with("bin"));
        let whole = whole.filter(|whole| whole.components().count() > 2 && !whole.ends_with(".local"));
        [Some(folder), whole].into_iter().flatten().filter(|path| self.is_narrow(path)).map(Path::to_owned).collect()
    }

    /// False for the home folder, the root, and whatever has the home folder in it.
    fn is_narrow(&self, path: &Path) -> bool {
        let plain = path.is_absolute() && !path.components().any(|part| part == Component::ParentDir);
        let real = path.canonicalize();
        let wide = |path: &Path| path == Path::new("/") || self.home().is_some_and(|home| home.starts_with(path));
        plain && !wide(path) && !real.is_ok_and(|real| wide(&real))
    }

    /// The caches of package installers, and where they put programs.
    fn caches(&self) -> Vec<PathBuf> {
        let below = |folder: Option<PathBuf>, name: &str| folder.map(|folder| folder.join(name));
        let home = |name: &str| below(self.home(), name);
        let cache = |name: &str| below(self.path("XDG_CACHE_HOME").or_else(|| home(".cache")), name);
        let data = |name: &str| below(self.path("XDG_DATA_HOME").or_else(|| home(".local/share")), name);
        let npm = self.path("npm_config_cache").or_else(|| home(".npm"));
        let uv = [self.path("UV_CACHE_DIR").or_else(|| cache("uv")), data("uv")];
        let pip = self.path("PIP_CACHE_DIR").or_else(|| cache("pip"));
        let name = Path::new(&self.spec.command).file_name().and_then(OsStr::to_str);
        let needed: Vec<&PathBuf> = match name {
            Some("npm" | "npx") => npm.iter().collect(),
            Some("uv" | "uvx") => uv.iter().flatten().collect(),
            _ => Vec::new(),
        };
        for folder in needed {
            // Where that fails, the installer says so better than we could.
            let _ = std::fs::create_dir_all(folder);
        }
        [npm, pip].into_iter().chain(uv).flatten().filter(|folder| self.is_narrow(folder)).collect()
    }

    fn home(&self) -> Option<PathBuf> {
        self.path("HOME").filter(|home| home != Path::new("/"))
    }

    /// The absolute path in a variable.
    fn path(&self, name: &str) -> Option<PathBuf> {
        self.env.get(OsStr::new(name)).map(PathBuf::from).filter(|path| path.is_absolute())
    }
}
