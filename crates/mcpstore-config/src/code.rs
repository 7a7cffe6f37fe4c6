//! The codes of diagnostics: `MS001`, `MS002`, …

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)*) => {
        /// What kind of problem a diagnostic reports. Shown as `MSnnn`; a number is never given to another problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $name = $number,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
        }
    };
}

codes! {
    /// The text is no JSON.
    Syntax = 1,
    /// The text is nested too deeply.
    TooDeep = 2,
    /// The text is too large.
    TooLarge = 3,
    /// The top level is no object.
    NotAnObject = 4,
    /// There is no `mcpServers`.
    NoServers = 5,
    /// A key stands twice in one object.
    DuplicateKey = 6,
    /// A key that nobody knows.
    UnknownKey = 7,
    /// A field that a later version will read.
    NotSupportedYet = 8,
    /// A value of the wrong type.
    WrongType = 9,
    /// A word that is none of the known ones.
    UnknownWord = 10,
    /// A text that is no service name.
    InvalidName = 11,
    /// A dependency on a service that does not exist.
    UnknownDependency = 12,
    /// A service that depends on itself.
    SelfDependency = 13,
    /// A dependency that is stated twice.
    DuplicateDependency = 14,
    /// Dependencies that go round in a circle.
    DependencyCycle = 15,
    /// Fields that contradict each other.
    Contradiction = 16,
    /// Neither a command nor a URL.
    NoTransport = 17,
    /// A text that must not be empty.
    Empty = 18,
    /// A text that is no duration.
    BadDuration = 19,
    /// A value outside its range.
    OutOfRange = 20,
    /// A variable that is not set.
    UnsetVariable = 21,
    /// A `${…}` of a kind that a later version will read.
    UnsupportedReference = 22,
    /// A `${…}` that is no reference and stays as it is.
    NotAReference = 23,
    /// A transport that is not spoken.
    UnsupportedTransport = 24,
    /// A text that is no address.
    BadUrl = 25,
    /// A character that cannot stand where it stands.
    BadCharacter = 26,
    /// A field that has no effect on this kind of server.
    NoEffect = 27,
    /// A service that cannot be without one that was left out.
    LeftOutDependency = 28,
    /// A text that is no size.
    BadSize = 29,
    /// A pattern or a path that names nothing, or too much.
    BadPattern = 30,
    /// A file that somebody else can change.
    UnsafeFile = 31,
    /// Names that differ in nothing but capitals.
    SimilarName = 32,
    /// A program that is not there, or cannot be executed.
    MissingProgram = 33,
    /// A folder that is not there.
    MissingFolder = 34,
    /// A path that means something else in another folder.
    RelativePath = 35,
    /// A secret in plain text.
    PlainSecret = 36,
    /// A dependency on a service that is disabled.
    DisabledDependency = 37,
    /// Times that do not fit together.
    ImpossibleTime = 38,
    /// A condition that can never be met.
    UnreachableCondition = 39,
    /// A profile with a service that does not exist.
    UnknownProfileService = 40,
    /// A profile that chooses no service.
    EmptyProfile = 41,
    /// An input without a value.
    UnsetInput = 42,
    /// A file that a reference names cannot be read.
    UnreadableFile = 43,
    /// An address that is reached without encryption.
    InTheClear = 44,
    /// A text under which no tool can be offered.
    BadToolName = 45,
    /// Two tools under one name.
    SameToolName = 46,
    /// A gateway that other machines would reach without protection.
    OpenGateway = 47,
    /// A name of a profile that no path can have.
    UnservedProfile = 48,
    /// A service that is to rest, and is kept up by another one.
    NeverRests = 49,
}

impl Code {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MS{:03}", self.number())
    }
}
