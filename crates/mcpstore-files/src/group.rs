//! Whether a group is a user's own: the group named like the user, with nobody else in it, that many systems make.

use std::fs::File;
use std::io::Read;

/// How much is read of each table of users and groups, in bytes.
const MAX_TABLE: u64 = 1024 * 1024;

/// True when `gid` is the primary group of the user `uid`, has the user's name, and nobody else is in it.
///
/// Read from the local tables alone: a user whom only a directory service knows has no private group here, and neither has
/// one whose tables cannot be read. What is not known to be private is not.
pub(crate) fn is_private(gid: u32, uid: u32) -> bool {
    let table = |path: &str| {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(MAX_TABLE).read_to_string(&mut text));
        read.is_ok().then_some(text)
    };
    match (table("/etc/passwd"), table("/etc/group")) {
        (Some(users), Some(groups)) => private_in(&users, &groups, gid, uid),
        _ => false,
    }
}

fn private_in(users: &str, groups: &str, gid: u32, uid: u32) -> bool {
    // name:password:uid:gid:…
    let users = || {
        users.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            let uid: u32 = fields.nth(1)?.parse().ok()?;
            let gid: u32 = fields.next()?.parse().ok()?;
            Some((name, uid, gid))
        })
    };
    let Some((user, ..)) = users().find(|&(_, its, primary)| its == uid && primary == gid) else { return false };
    if users().any(|(_, its, primary)| primary == gid && its != uid) {
        return false;
    }
    // name:password:gid:member,member
    let mut entries = groups.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let its: u32 = fields.nth(1)?.parse().ok()?;
        (its == gid).then_some((name, fields.next().unwrap_or("")))
    });
    let mut known = false;
    let all_own = entries.all(|(name, members)| {
        known = true;
        name == user && members.split(',').all(|member| member.is_empty() || member.trim() == user)
    });
    known && all_own
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/:/bin/sh\nme:x:1000:1000::/:/bin/sh\nyou:x:1001:100::/:/bin/sh\n\
                         her:x:1002:1002::/:/bin/sh\nhim:x:1003:1002::/:/bin/sh\n";

    #[test]
    fn a_group_is_private_when_it_is_known_to_be() {
        let groups = "root:x:0:\nme:x:1000:me\nusers:x:100:\nher:x:1002:\n";
        assert!(private_in(USERS, groups, 1000, 1000));
        assert!(private_in(USERS, groups, 0, 0));
        assert!(!private_in(USERS, groups, 100, 1001), "a group of many, by its name");
        assert!(!private_in(USERS, groups, 1002, 1002), "another user's primary group too");
        assert!(!private_in(USERS, groups, 1000, 1001), "somebody else's");
        assert!(!private_in(USERS, "me:x:1000:me,you\n", 1000, 1000), "a second member");
        assert!(!private_in(USERS, "", 1000, 1000), "a group that nobody knows");
        assert!(!private_in("", groups, 1000, 1000), "a user whom nobody knows");
    }
}
