//! Where other MCP clients keep their servers, and what they understand.

use std::path::{Path, PathBuf};

use crate::Dialect;

/// An MCP client whose file can be read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Client {
    /// Claude Desktop.
    ClaudeDesktop,
    /// Claude Code.
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// Windsurf.
    Windsurf,
    /// Visual Studio Code.
    VsCode,
    /// Codex.
    Codex,
    /// Zed.
    Zed,
    /// Cline, an extension of Visual Studio Code.
    Cline,
    /// Gemini CLI.
    Gemini,
}

/// How a client refers to a variable of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum References {
    /// Not at all: what looks like a reference is passed on as it stands.
    None,
    /// `${VAR}`, and `${VAR:-default}`.
    Plain,
    /// `${env:VAR}`.
    Env,
}

/// The folders that files of clients are searched in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folders {
    /// The home folder of the user.
    pub home: PathBuf,
    /// Where programs keep the user's settings: `$XDG_CONFIG_HOME` or `~/.config` on Linux, `~/Library/Application Support` on
    /// macOS, `%APPDATA%` on Windows.
    pub settings: PathBuf,
    /// The folder of Codex, when `$CODEX_HOME` names one.
    pub codex: Option<PathBuf>,
    /// The project, for files of single projects.
    pub project: Option<PathBuf>,
}

impl Client {
    /// Every client.
    pub const ALL: [Self; 9] = [
        Self::ClaudeDesktop,
        Self::ClaudeCode,
        Self::Cursor,
        Self::Windsurf,
        Self::VsCode,
        Self::Codex,
        Self::Zed,
        Self::Cline,
        Self::Gemini,
    ];

    /// Its word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "claude-desktop",
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::Windsurf => "windsurf",
            Self::VsCode => "vscode",
            Self::Codex => "codex",
            Self::Zed => "zed",
            Self::Cline => "cline",
            Self::Gemini => "gemini",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::ClaudeDesktop => "Claude Desktop",
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::Windsurf => "Windsurf",
            Self::VsCode => "VS Code",
            Self::Codex => "Codex",
            Self::Zed => "Zed",
            Self::Cline => "Cline",
            Self::Gemini => "Gemini CLI",
        }
    }

    /// The client of this word; capitals do not matter, and a few short forms are understood.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        match word.as_str() {
            "claude" => Some(Self::ClaudeCode),
            "code" | "vs-code" => Some(Self::VsCode),
            "gemini-cli" => Some(Self::Gemini),
            _ => Self::ALL.into_iter().find(|client| client.word() == word),
        }
    }

    /// Its file for all of the user's projects.
    #[must_use]
    pub fn user_file(self, folders: &Folders) -> PathBuf {
        let Folders { home, settings, codex, .. } = folders;
        match self {
            Self::ClaudeDesktop => settings.join("Claude/claude_desktop_config.json"),
            Self::ClaudeCode => home.join(".claude.json"),
            Self::Cursor => home.join(".cursor/mcp.json"),
            Self::Windsurf => home.join(".codeium/windsurf/mcp_config.json"),
            Self::VsCode => settings.join("Code/User/mcp.json"),
            Self::Codex => codex.clone().unwrap_or_else(|| home.join(".codex")).join("config.toml"),
            // The same on macOS.
            Self::Zed => home.join(".config/zed/settings.json"),
            Self::Cline => {
                settings.join("Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json")
            }
            Self::Gemini => home.join(".gemini/settings.json"),
        }
    }

    /// Its file for one project, where it has one.
    #[must_use]
    pub fn project_file(self, project: &Path) -> Option<PathBuf> {
        match self {
            Self::ClaudeCode => Some(project.join(".mcp.json")),
            Self::Cursor => Some(project.join(".cursor/mcp.json")),
            Self::VsCode => Some(project.join(".vscode/mcp.json")),
            Self::Codex => Some(project.join(".codex/config.toml")),
            Self::Zed => Some(project.join(".zed/settings.json")),
            Self::Gemini => Some(project.join(".gemini/settings.json")),
            Self::ClaudeDesktop | Self::Windsurf | Self::Cline => None,
        }
    }

    /// How its file is written.
    #[must_use]
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::VsCode => Dialect::Servers,
            Self::Codex => Dialect::Codex,
            Self::Zed => Dialect::Zed,
            Self::ClaudeDesktop | Self::ClaudeCode | Self::Cursor | Self::Windsurf | Self::Cline | Self::Gemini => {
                Dialect::McpServers
            }
        }
    }

    /// How it refers to variables.
    #[must_use]
    pub const fn references(self) -> References {
        match self {
            Self::ClaudeCode | Self::Gemini => References::Plain,
            Self::Cursor | Self::Windsurf | Self::VsCode => References::Env,
            Self::ClaudeDesktop | Self::Codex | Self::Zed | Self::Cline => References::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_files_are_told_apart() {
        let folders = Folders {
            home: "/h".into(),
            settings: "/h/.config".into(),
            codex: Some("/c".into()),
            project: Some("/p".into()),
        };
        let mut files: Vec<PathBuf> = Client::ALL.iter().map(|client| client.user_file(&folders)).collect();
        assert_eq!(files[5], Path::new("/c/config.toml"));
        files.sort();
        files.dedup();
        assert_eq!(files.len(), Client::ALL.len());
        for client in Client::ALL {
            assert_eq!(Client::of(&client.word().to_uppercase()), Some(client));
        }
        assert_eq!((Client::of("claude"), Client::of("emacs")), (Some(Client::ClaudeCode), None));
        assert_eq!(Client::Cursor.project_file(Path::new("/p")), Some("/p/.cursor/mcp.json".into()));
    }
}
