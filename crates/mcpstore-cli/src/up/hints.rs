//! What to try next, with commands that work as they stand.

use std::ffi::OsStr;
use std::path::Path;

use crate::quote::quoted;

/// How a second terminal reaches this manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// The command word: `mcpstore` when a shell would find this very program, else its path.
    program: String,
    /// `--socket PATH ` when the socket is not where it is looked for.
    socket: Option<String>,
}

impl Reach {
    /// `path` is the value of `PATH`; `socket` is the socket when it is not the default one.
    pub(super) fn new(program: &Path, path: Option<&OsStr>, socket: Option<&Path>) -> Self {
        let found = path.is_some_and(|path| {
            let first = std::env::split_paths(path).map(|dir| dir.join("mcpstore")).find(|file| file.is_file());
            first.and_then(|file| file.canonicalize().ok()) == program.canonicalize().ok()
        });
        let program = if found { "mcpstore".to_owned() } else { quoted(&program.to_string_lossy()) };
        Self { program, socket: socket.map(|socket| quoted(&socket.to_string_lossy())) }
    }

    /// A command line of this program.
    pub(super) fn command(&self, rest: &str) -> String {
        match &self.socket {
            Some(socket) => format!("{} --socket {socket} {rest}", self.program),
            None => format!("{} {rest}", self.program),
        }
    }
}

/// Commands up to so many characters have a word behind them.
const COMMENTED: usize = 46;

/// What to try with the demo; `victim` is the process to kill.
pub(super) fn demo(reach: &Reach, victim: Option<u32>) -> Vec<String> {
    let mut lines = vec!["Try, in a second terminal:".to_owned()];
    let mut line = |command: String, what: &str| {
        // A word on a long line would only make it wrap. As a comment it does no harm when it is copied along.
        let comment = command.chars().count() <= COMMENTED && !what.is_empty();
        lines.push(if comment { format!("  {command:<COMMENTED$}  # {what}") } else { format!("  {command}") });
    };
    line(reach.command("ls"), "what runs");
    line(reach.command("call notes.put key=hello text=world"), "call a tool");
    line(reach.command("call notes.get key=hello"), "");
    if let Some(pid) = victim {
        line(format!("kill -9 {pid}"), "the clock: watch it come back here");
    }
    line(reach.command("events"), "all that happened");
    lines.push("Ctrl-C here stops everything in reverse order.".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn commands_work_as_they_stand() {
        let reach = Reach::new(Path::new("/opt/x/mcpstore"), None, None);
        expect![[r#"
            Try, in a second terminal:
              /opt/x/mcpstore ls                              # what runs
              /opt/x/mcpstore call notes.put key=hello text=world
              /opt/x/mcpstore call notes.get key=hello
              kill -9 17                                      # the clock: watch it come back here
              /opt/x/mcpstore events                          # all that happened
            Ctrl-C here stops everything in reverse order."#]]
        .assert_eq(&demo(&reach, Some(17)).join("\n"));
        let reach = Reach::new(Path::new("/opt/x/mcpstore"), None, Some(Path::new("/tmp/my socket")));
        assert_eq!(reach.command("ls"), "/opt/x/mcpstore --socket '/tmp/my socket' ls");
    }

    #[test]
    fn the_short_word_is_used_when_a_shell_finds_this_program() {
        let this = std::env::current_exe().unwrap();
        let dir = std::env::temp_dir().join(format!("mcpstore-hints-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::os::unix::fs::symlink(&this, dir.join("mcpstore")).unwrap();
        let word = Reach::new(&this, Some(dir.as_os_str()), None).command("ls");
        let other = Reach::new(Path::new("/bin/sh"), Some(dir.as_os_str()), None).command("ls");
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!((word.as_str(), other.as_str()), ("mcpstore ls", "/bin/sh ls"));
    }
}
