//! The files that a server may reach, held by the kernel (Landlock).

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::io::Errno;

use crate::Reach;

/// From here on (Linux 6.2) a file that may not be changed cannot be cut short either.
const LEAST: ABI = ABI::V3;
/// From here on (Linux 6.12) signals and abstract sockets of others can be put out of reach.
const SCOPES: ABI = ABI::V6;

/// What holds for a process from [`Confined::enter`] on, and for whatever it starts.
pub(crate) struct Confined(Option<RulesetCreated>);

impl Confined {
    /// Opens the files of `reach`.
    ///
    /// # Errors
    /// What the system says; that it is not supported where the kernel has no Landlock, or too old a one.
    pub(crate) fn new(reach: &Reach) -> io::Result<Self> {
        let all = AccessFs::from_all(LEAST);
        // A device made in a folder of one's own would be a way to the whole disk, for root.
        let write: BitFlags<AccessFs> = all & !(AccessFs::MakeChar | AccessFs::MakeBlock);
        for path in reach.read.iter().filter(|path| path.starts_with("/proc")) {
            // A rule holds for one inode. The kernel makes those of `/proc` anew at will, unless somebody holds the file.
            std::mem::forget(PathFd::new(path));
        }
        let built = || -> Result<RulesetCreated, RulesetError> {
            Ruleset::default()
                .set_compatibility(CompatLevel::BestEffort)
                .scope(Scope::from_all(SCOPES))?
                // Never silently weaker than what is promised.
                .set_compatibility(CompatLevel::HardRequirement)
                .handle_access(all)?
                .create()?
                .add_rules(path_beneath_rules(&reach.read, AccessFs::from_read(LEAST)))?
                .add_rules(path_beneath_rules(&reach.write, write))
        };
        built().map(|rules| Self(Some(rules))).map_err(|_| Errno::OPNOTSUPP.into())
    }

    /// Confines this process for good.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        let rules = self.0.take().ok_or(Errno::ALREADY)?;
        let status = rules.restrict_self().map_err(|_| io::Error::from(Errno::PERM))?;
        if status.ruleset == RulesetStatus::NotEnforced { Err(Errno::OPNOTSUPP.into()) } else { Ok(()) }
    }
}
