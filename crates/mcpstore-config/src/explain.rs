//! What each code means, why it matters, and what to do: for `mcpstore` and for the documentation.

use std::fmt::Write as _;

use crate::Code;

/// A short paragraph on a code: what it is about, why it matters, how to mend it.
#[must_use]
pub const fn explain(code: Code) -> &'static str {
    match code {
        Code::Syntax => {
            "The text is not what its name says it is: JSON (comments and trailing commas are fine), TOML or YAML. The place \
             is where the reader gave up; the slip is there or shortly before: a comma or a quote that is missing, a bracket \
             that nothing closes, a tab in YAML. Only the first such problem of a text is found at a time. Services of such a \
             text are checked as far as they can be read, and none of them runs."
        }
        Code::TooDeep => {
            "More than 128 objects and lists stand inside each other. No config needs that; the bound keeps a hostile text \
             from exhausting the stack. Look for a value that was pasted in the wrong place."
        }
        Code::TooLarge => {
            "The text is larger than 16 MiB. No config needs that; the bound keeps memory in check. Look whether the right \
             file was named, or spread the services over several files."
        }
        Code::NotAnObject => {
            "A config is an object with `mcpServers` in it: `{ \"mcpServers\": { } }`. This text holds something else at its \
             top level."
        }
        Code::NoServers => {
            "The text is an object without `mcpServers`, so it states no service. Other clients call it `servers`, or write \
             the services without anything around them: rename the key, or put the services inside `mcpServers`."
        }
        Code::DuplicateKey => {
            "The same key stands twice in one object. JSON readers differ in which one counts, so other clients may see a \
             different config. Here the last one counts and the others are ignored. Take one of them out."
        }
        Code::UnknownKey => {
            "Nobody reads this key, so what it says has no effect: most likely a typing slip. Clients add keys of their own, \
             therefore this is a warning; with `--strict` it is an error. Keys that begin with `_`, `$`, `x-` or `//` are \
             never reported."
        }
        Code::NotSupportedYet => {
            "The key is part of the config language, and this version does not act on it. It is said aloud so that nobody \
             relies on it; with `--strict` it is an error. Take it out, or wait for a version that supports it."
        }
        Code::WrongType => {
            "The value is of another type than the field needs, for example a number where text is needed. Variables in \
             `env` are text always: write \"1\", not 1. `null` counts as if the field were not there."
        }
        Code::UnknownWord => {
            "The field takes one word out of a few, and this is none of them. The words are case-sensitive; the nearest one \
             is suggested when there is one."
        }
        Code::InvalidName => {
            "A service name has 1 to 64 characters: first a letter, digit, `_` or `@`, then also `-`, `.`, `/` and inner \
             spaces, all ASCII. Names travel through command lines, URLs and metrics, where other characters do harm. \
             Rename the service."
        }
        Code::UnknownDependency => {
            "`dependsOn` names a service that no text of this config states. A service with a dependency that can never be \
             met is left out rather than started without it. Mend the name, or add the service."
        }
        Code::SelfDependency => {
            "A service depends on itself, so it could never start. Take the entry out of its `dependsOn`."
        }
        Code::DuplicateDependency => {
            "A service names the same dependency twice. Said twice the same way it is only untidy; said in two different \
             ways it is not clear which one is meant, and the service is left out. Keep one of the two."
        }
        Code::DependencyCycle => {
            "Services depend on each other in a circle, so none of them could start first; nothing of this config starts. \
             Every step of the circle is pointed at. Take one of them out, or give it the kind `part_of`, which has no \
             order."
        }
        Code::Contradiction => {
            "Two fields say things that cannot both hold: a `command` and a `url`, two addresses, a `type` that does not fit, \
             or `enabled` together with `disabled` (which counts as disabled). Keep one of the two."
        }
        Code::NoTransport => {
            "The service has neither a `command` (a program to launch) nor a `url` (an address to reach), so there is no way \
             to its server. Add one of the two."
        }
        Code::Empty => {
            "The text is empty or blank, or becomes so once its variables are filled in, where something must stand: a \
             command, an address, a name. Fill it in, or take the field out."
        }
        Code::BadDuration => {
            "A duration is text with a number and a unit: \"250ms\", \"10s\", \"2m\", \"1h 30m\". A number without a unit is \
             refused because seconds and milliseconds are too easily mistaken for each other."
        }
        Code::OutOfRange => {
            "The value is outside the range that makes sense for the field: for example no attempts at all, a jitter above \
             1, a deadline of zero, a duration above 30 days, or a delay longer than the longest delay."
        }
        Code::UnsetVariable => {
            "The text refers to an environment variable that is not set where mcpstore runs. An empty value in its place \
             would fail later and less clearly, so the service is left out. Set the variable, or write a default: \
             `${VAR:-default}`."
        }
        Code::UnsupportedReference => {
            "The text has a reference of a kind that nobody here knows, or `${workspaceFolder}` in a text that belongs to no \
             folder. Known are `${VAR}`, `${env:VAR}`, `${file:path}`, `${input:id}`, and the words `workspaceFolder`, \
             `workspaceFolderBasename`, `userHome` and `pathSeparator`. Put the value into an environment variable and refer to \
             it: `${VAR}`."
        }
        Code::NotAReference => {
            "The text has `${` in it, but what follows is no reference, so it stays as it is. If it is meant for the server, \
             write `$${` and the warning goes; otherwise write `${VAR}`, `${VAR:-default}` or `${env:VAR}`."
        }
        Code::UnsupportedTransport => {
            "The server is to be reached over a transport that is none of MCP's, and that this version does not speak \
             (WebSocket). Many servers offer streamable HTTP beside it: ask the server's documentation for that address and \
             write \"type\": \"http\". Legacy HTTP+SSE is spoken: \"type\": \"sse\"."
        }
        Code::BadUrl => {
            "The text is no address of an HTTP server: it must begin with http:// or https:// (or unix:, for a socket), name a \
             host, and have no spaces. The address is checked with its variables filled in, and is not shown, because it may hold a secret."
        }
        Code::BadCharacter => {
            "The text has a character that cannot be passed on where it goes: NUL in a command, argument or variable, `=` in \
             the name of a variable, or a line break or a non-ASCII character in a header. It is often a line break at the \
             end of a variable that was read from a file."
        }
        Code::NoEffect => {
            "The field belongs to another kind of server or dependency and has no effect here: `args`, `env`, \
             `cwd`, `sandbox`, `limits` and `inheritEnv` belong to a `command`, `headers` and `caFile` to a `url`, `condition` to dependencies that wait. Or it is about a tool \
             that is not offered. Take it out, or look whether the right kind was chosen."
        }
        Code::LeftOutDependency => {
            "The service requires (or is bound to) another one that was left out because of an error in its own entry, so it \
             could never start. It is left out too, and everything else runs. Mend the other service's entry, or weaken the \
             dependency to `wants`."
        }
        Code::BadSize => {
            "A size is text with a whole number and a unit (\"512MB\", \"1GiB\"), or a number of bytes. KB, MB, GB and TB \
             count in thousands; KiB, MiB, GiB and TiB in steps of 1,024. Text without a unit is refused: it is not clear \
             what was meant."
        }
        Code::BadPattern => {
            "A pattern of `inheritEnv` is the name of a variable, or the beginning of names and a `*`. A `*` alone is \
             refused: it would hand every secret of the manager's environment to the server. A path in `sandboxRead` and \
             `sandboxWrite` is absolute, so that it means the same wherever the manager was started."
        }
        Code::UnsafeFile => {
            "The file, or a folder on the way to it, can be changed by somebody else: everyone may write to it, a group that is \
             not yours alone may, or it belongs to another user. A config names programs to run, so whoever can change it \
             can run programs as you. Nothing of the file is read. Run the command that is shown, after a look at what the \
             file says. Links are followed, and what they lead to is judged."
        }
        Code::SimilarName => {
            "Two services have names that differ in nothing but capitals, in one text or in two. Both run, but people and \
             file systems confuse them. Rename one; if they are meant to be the same service, write the name the same way in \
             both places."
        }
        Code::MissingProgram => {
            "The program of `command` was not found where the manager would look for it, or the file may not be executed, so \
             the start would fail. Most often the whole command line stands in `command`: write the program alone there, and \
             the rest into `args`, one element each. Else install it, mend the spelling, write its full path, or make it \
             executable (`chmod +x`). A name without `/` is looked up in `PATH`: that of `env` when it has one, else that of \
             the manager, which may be a shorter one than that of your terminal."
        }
        Code::MissingFolder => "The folder of `cwd` is not there, so the start would fail. Make it, or mend the path.",
        Code::RelativePath => {
            "The path counts from the folder the server starts in, which is that of the manager when `cwd` does not say \
             otherwise: started from elsewhere, it means another file. Or it begins with `~` or `$HOME`, which only shells \
             know, and no shell is asked. Write the full path (`${HOME}` and `${workspaceFolder}` help), or state an absolute \
             `cwd`."
        }
        Code::PlainSecret => {
            "A value that looks like a secret stands in the text: by its beginning (`ghp_…`, `sk-…`, a private key), by the \
             name it goes by (`API_TOKEN`, `--password`, `?api_key=`, `--header \"X-Api-Key: …\"`), or as the password of an \
             address. Everybody who sees the file has it, and files like this one are copied and committed. Put it into an \
             environment variable or a file of its own and refer to it: `${VAR}`, `${file:path}`. If it was ever shared, have \
             a new one issued. Placeholders such as `<your token>` are not reported."
        }
        Code::DisabledDependency => {
            "The service depends on one that is disabled. A dependency that is `requires`, `binds_to` or `wants` starts it \
             all the same, whenever this service starts; one that is `after` waits for nothing. Say which is meant: enable \
             the other one, or take the dependency out."
        }
        Code::ImpossibleTime => {
            "Two times do not fit together: a probe that may take longer than the interval between two of them, a start that \
             must be over before the handshake inside it may be, a call in all that is shorter than the silence allowed \
             within it. The shorter one always wins, so the longer one has no effect. Only times that somebody wrote are \
             told; the other one may be a default. Change one of them."
        }
        Code::UnreachableCondition => {
            "The condition of this dependency can never be met: `completed` waits for a service to end by itself with success, and \
             this one is reached by its address, or is restarted whenever it ends. Use `ready` or `started`, or change the other \
             service's `restart.policy`."
        }
        Code::UnknownProfileService => {
            "A profile names a service that no text of this config states. Mend the name, add the service, or take it out."
        }
        Code::EmptyProfile => {
            "A profile chooses no service, or a `tag:WORD` in it fits none, so it is good for nothing. Name services in it."
        }
        Code::UnsetInput => {
            "The text refers to an input (`${input:id}`), which clients ask their users for, and nobody gave its value. Set the \
             variable that is named, pass `--input id=VALUE`, or write a `default` in `inputs`."
        }
        Code::UnreadableFile => {
            "The file that `${file:path}` or `envFile` names cannot be read, so its value is missing. A relative path counts from \
             the folder of the config, and `~/` from your home folder. At most 1 MiB is read."
        }
        Code::InTheClear => {
            "Alerts go to this address without encryption, and it is not on this machine: who is on the way reads them, with the \
             token in the address, the headers or the password, and may change them. Use `https://`, `smtps://` or \
             `smtp+starttls://`."
        }
        Code::BadToolName => {
            "A tool is renamed to something under which not every client could call it. A name has 1 to 64 ASCII letters, digits, \
             `_` and `-`; nothing is added to it, so clients have room for words of their own. Choose such a name."
        }
        Code::SameToolName => {
            "Two tools are renamed to the same name. Within one service that is an error: a call could not be told where to go. \
             Of two services it is a warning: the gateway gives the name to neither, and offers both tools under their prefixed \
             names (`service__tool`). Give one of them another name."
        }
        Code::OpenGateway => {
            "Who reaches the gateway can use every service behind it. On an address that other machines reach (everything but \
             127.0.0.0/8 and ::1) it therefore speaks TLS alone and asks for its token. State `gateway.tls` and leave `auth` at \
             `token`, or listen on 127.0.0.1 and let a tunnel or a reverse proxy do the rest. Until then nothing listens."
        }
        Code::UnservedProfile => {
            "Clients reach the view of a profile at a path that ends in its name, and this name cannot stand there. It has 1 to 64 \
             ASCII letters, digits, `-`, `_` and `.`, and is not `.` or `..`. Everything else that profiles are for works. \
             Rename the profile, if clients are to reach it."
        }
        Code::NeverRests => {
            "A service is to start with its first use, or to stop when nobody uses it, and another one needs it that starts with \
             the manager, or never stops of its own accord: so this one is started, or kept, all the same. Let the other one be \
             lazy or stop too, or weaken its dependency; or take `start` or `idleStop` out here."
        }
    }
}

/// The page on all diagnostics, in Markdown: a table of contents and a paragraph for each code.
#[must_use]
pub fn diagnostics_markdown() -> String {
    let mut out = String::from(
        "# Diagnostics\n\n\
         <!-- Generated from crates/mcpstore-config/src/explain.rs by `cargo xtask codegen`; do not edit. -->\n\n\
         Everything that can be wrong with a config, by its code. An error leaves out what it concerns (most often one \
         service); a warning leaves out nothing.\n\n\
         | code | name |\n|---|---|\n",
    );
    for code in Code::ALL {
        let number = code.to_string();
        // Writing to a text cannot fail.
        let _ = writeln!(out, "| [{number}](#{}) | {} |", anchor(*code), title(*code));
    }
    for code in Code::ALL {
        let _ = write!(out, "\n## {code}: {}\n\n{}\n", title(*code), explain(*code));
    }
    out
}

/// The name of a code in words: `UnknownKey` is "unknown key".
#[must_use]
pub fn title(code: Code) -> String {
    let mut out = String::new();
    for (at, c) in format!("{code:?}").char_indices() {
        if at > 0 && c.is_uppercase() {
            out.push(' ');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The anchor that Markdown renderers give to a code's heading in [`diagnostics_markdown`]: `ms012-unknown-dependency`.
#[must_use]
pub fn anchor(code: Code) -> String {
    format!("{code}-{}", title(code).replace(' ', "-")).to_lowercase()
}
