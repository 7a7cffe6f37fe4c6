//! What a warden says and what it is told, as bytes.

/// What a warden says. Each is [`Report::BYTES`] bytes on the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is there, and waits for a plan.
    Ready,
    /// The server exists and executes its program.
    Started {
        /// Its process id.
        pid: u32,
        /// When it was started, in clock ticks after boot: with the id it names a process for good.
        start: u64,
    },
    /// The server was not started; nothing else follows.
    Failed {
        /// At what.
        stage: Stage,
        /// What the system said, as a number.
        errno: i32,
    },
    /// The server's main process has ended.
    Exited(End),
    /// Nothing of the server's tree is left; nothing else follows.
    Empty,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// At what a start failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Getting the plan.
    Plan,
    /// Entering the working directory.
    Directory,
    /// Applying the limits, or executing the program.
    Execute,
    /// Building the sandbox, which this kernel may not have.
    Sandbox,
}

/// What a warden is told, a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Ask the whole tree to end (SIGTERM, and SIGCONT so that the stopped hear it).
    Terminate,
    /// End the whole tree (SIGKILL).
    Kill,
}

impl Report {
    /// Bytes of one report.
    pub const BYTES: usize = 16;

    /// The report as bytes.
    #[must_use]
    pub fn encode(self) -> [u8; Self::BYTES] {
        let (tag, small, large) = match self {
            Self::Ready => (1, 0, 0),
            Self::Started { pid, start } => (2, pid.cast_signed(), start),
            Self::Failed { stage, errno } => (3, errno, stage as u64),
            Self::Exited(End::Code(code)) => (4, code, 0),
            Self::Exited(End::Signal(signal)) => (5, signal, 0),
            Self::Empty => (6, 0, 0),
        };
        let mut bytes = [0; Self::BYTES];
        bytes[0] = tag;
        bytes[4..8].copy_from_slice(&small.to_le_bytes());
        bytes[8..].copy_from_slice(&large.to_le_bytes());
        bytes
    }

    /// The report in these bytes; nothing when they are none.
    #[must_use]
    pub fn decode(bytes: [u8; Self::BYTES]) -> Option<Self> {
        let [tag, _, _, _, a, b, c, d, large @ ..] = bytes;
        let (small, large) = (i32::from_le_bytes([a, b, c, d]), u64::from_le_bytes(large));
        Some(match tag {
            1 => Self::Ready,
            2 => Self::Started { pid: small.cast_unsigned(), start: large },
            3 => {
                let stage = [Stage::Plan, Stage::Directory, Stage::Execute, Stage::Sandbox];
                Self::Failed { stage: *stage.get(usize::try_from(large).ok()?)?, errno: small }
            }
            4 => Self::Exited(End::Code(small)),
            5 => Self::Exited(End::Signal(small)),
            6 => Self::Empty,
            _ => return None,
        })
    }
}

impl Order {
    /// The order as a byte.
    #[must_use]
    pub const fn encode(self) -> u8 {
        match self {
            Self::Terminate => b'T',
            Self::Kill => b'K',
        }
    }

    /// The order in this byte; nothing when it is none.
    #[must_use]
    pub const fn decode(byte: u8) -> Option<Self> {
        match byte {
            b'T' => Some(Self::Terminate),
            b'K' => Some(Self::Kill),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_orders_come_out_as_they_went_in() {
        for report in [
            Report::Ready,
            Report::Started { pid: u32::MAX, start: u64::MAX },
            Report::Failed { stage: Stage::Plan, errno: 2 },
            Report::Failed { stage: Stage::Execute, errno: 13 },
            Report::Failed { stage: Stage::Sandbox, errno: 95 },
            Report::Exited(End::Code(255)),
            Report::Exited(End::Signal(9)),
            Report::Empty,
        ] {
            assert_eq!(Report::decode(report.encode()), Some(report));
        }
        assert_eq!(Report::decode([0; Report::BYTES]), None);
        assert_eq!(Report::decode([0xff; Report::BYTES]), None);
        for order in [Order::Terminate, Order::Kill] {
            assert_eq!(Order::decode(order.encode()), Some(order));
        }
        assert_eq!(Order::decode(b'x'), None);
    }
}
