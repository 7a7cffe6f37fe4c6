//! Answers in a form that no server should use.

/// The form of an answer to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// Its id is a float: `7.0`.
    FloatId,
    /// Its id is a text: `"7"`.
    StringId,
    /// Its id is `null`.
    NullId,
    /// It has no id.
    NoId,
    /// Its id stands there twice, the same.
    SameIdTwice,
    /// It has two ids.
    TwoIds,
    /// Its result stands there twice, unlike.
    TwoResults,
    /// Its members are written `Id` and `Result`.
    WrongCase,
    /// It does not say which JSON-RPC it is.
    NoVersion,
    /// It has a result and an error.
    Both,
    /// It has neither a result nor an error.
    Neither,
    /// It stands in a batch, beside a notice and a number.
    Batch,
    /// Half of it comes, then the process ends with code 6.
    HalfThenDie,
    /// Half of it comes, and then nothing more.
    HalfThenHang,
    /// It comes in pieces of three bytes.
    Dribble,
}

/// Every form with its name on the command line.
const NAMES: &[(&str, Odd)] = &[
    ("float-id", Odd::FloatId),
    ("string-id", Odd::StringId),
    ("null-id", Odd::NullId),
    ("no-id", Odd::NoId),
    ("same-id-twice", Odd::SameIdTwice),
    ("two-ids", Odd::TwoIds),
    ("two-results", Odd::TwoResults),
    ("wrong-case", Odd::WrongCase),
    ("no-version", Odd::NoVersion),
    ("both", Odd::Both),
    ("neither", Odd::Neither),
    ("batch", Odd::Batch),
    ("half-then-die", Odd::HalfThenDie),
    ("half-then-hang", Odd::HalfThenHang),
    ("dribble", Odd::Dribble),
];

impl Odd {
    /// The form of this name, as `--reply` spells it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, odd)| *odd)
    }

    /// The names that [`Odd::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// The message with this result in this form; what does not go as one whole message is written whole here too.
    pub(super) fn message(self, id: &str, result: &str) -> String {
        let (version, result) = (r#""jsonrpc":"2.0""#, format!(r#""result":{result}"#));
        match self {
            Self::FloatId => format!(r#"{{{version},"id":{id}.0,{result}}}"#),
            Self::StringId => format!(r#"{{{version},"id":"{id}",{result}}}"#),
            Self::NullId => format!(r#"{{{version},"id":null,{result}}}"#),
            Self::NoId => format!("{{{version},{result}}}"),
            Self::SameIdTwice => format!(r#"{{{version},"id":{id},{result},"id":{id}}}"#),
            Self::TwoIds => format!(r#"{{{version},"id":{id},{result},"id":{id}0}}"#),
            Self::TwoResults => format!(r#"{{{version},"id":{id},"result":{{"first":true}},{result}}}"#),
            Self::WrongCase => format!(r#"{{{version},"Id":{id},"Result":{{}}}}"#),
            Self::NoVersion => format!(r#"{{"id":{id},{result}}}"#),
            Self::Both => format!(r#"{{{version},"id":{id},{result},"error":{{"code":-9,"message":"both"}}}}"#),
            Self::Neither => format!(r#"{{{version},"id":{id}}}"#),
            Self::Batch => {
                let notice = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
                format!(r#"[{notice},123,{{{version},"id":{id},{result}}}]"#)
            }
            Self::HalfThenDie | Self::HalfThenHang | Self::Dribble => format!(r#"{{{version},"id":{id},{result}}}"#),
        }
    }
}
