//! The token by which clients of the gateway are known.

use std::path::{Path, PathBuf};

use mcpstore_types::Secret;

use crate::private::{Closed, StateFileError, hold_private, put_private, random_bytes, read_private, set_aside};

/// Its file in the state folder.
const FILE: &str = "gateway.token";

/// Bytes of a token, before they become hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// The lengths of a token that somebody wrote into the file.
const LENGTHS: std::ops::RangeInclusive<usize> = 32..=256;

/// The token of a state folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayToken {
    /// The token itself.
    pub secret: Secret,
    /// The file that holds it.
    pub file: PathBuf,
    /// Where it came from.
    pub origin: TokenOrigin,
}

/// Where a token came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenOrigin {
    /// It was there.
    Kept,
    /// It was made now.
    Made,
    /// What was there is no token. It was set aside, and a new one made: clients need that one.
    Replaced {
        /// Where the old file is now.
        set_aside: PathBuf,
    },
}

/// The token of the gateway, made (256 bits) when the folder has none. It is on the disk when this returns, in a file that nobody
/// else can read (0600).
///
/// A token of one's own may be written into the file: 32 to 256 visible characters of ASCII. A file with anything else in it is set
/// aside, so that the gateway starts after every kind of damage.
///
/// # Errors
/// [`StateFileError`]: the file is a link, another user's, or others may read it; the lock; or what the system says.
pub fn gateway_token(state_folder: &Path) -> Result<GatewayToken, StateFileError> {
    let file = state_folder.join(FILE);
    if let Some(Some(secret)) = read(&file)? {
        return Ok(GatewayToken { secret, file, origin: TokenOrigin::Kept });
    }
    let held = hold_private(&file)?;
    // Somebody may have been faster.
    let origin = match read(&file)? {
        Some(Some(secret)) => return Ok(GatewayToken { secret, file, origin: TokenOrigin::Kept }),
        Some(None) => TokenOrigin::Replaced { set_aside: set_aside(&held)? },
        None => TokenOrigin::Made,
    };
    let secret = make(&file)?;
    put_private(&held, format!("{}\n", secret.expose()).as_bytes())?;
    Ok(GatewayToken { secret, file, origin })
}

/// Puts a new token in the place of the old one, whatever that was.
///
/// # Errors
/// As [`gateway_token`]; also heals a file that others may read.
pub fn rotate_gateway_token(state_folder: &Path) -> Result<GatewayToken, StateFileError> {
    let file = state_folder.join(FILE);
    let held = hold_private(&file)?;
    let secret = make(&file)?;
    put_private(&held, format!("{}\n", secret.expose()).as_bytes())?;
    Ok(GatewayToken { secret, file, origin: TokenOrigin::Made })
}

/// The token in the file; `None`: there is no file; `Some(None)`: it holds no token.
fn read(file: &Path) -> Result<Option<Option<Secret>>, StateFileError> {
    let most = *LENGTHS.end() as u64 + 2;
    let Some(bytes) = read_private(file, Closed::ToAll, most)? else { return Ok(None) };
    let text = str::from_utf8(&bytes).unwrap_or_default().trim_ascii();
    let good = LENGTHS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    Ok(Some(good.then(|| Secret::from(text))))
}

fn make(file: &Path) -> Result<Secret, StateFileError> {
    let bytes: [u8; TOKEN_BYTES] = random_bytes().map_err(|source| StateFileError::Io {
        path: file.to_path_buf(),
        step: "draw random bytes for",
        source,
    })?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_nobody_elses() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state");
        let made = gateway_token(&state).unwrap();
        assert_eq!((made.origin.clone(), made.secret.expose().len()), (TokenOrigin::Made, 64));
        let mode = std::fs::metadata(&made.file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        let kept = gateway_token(&state).unwrap();
        assert_eq!((kept.origin, &kept.secret), (TokenOrigin::Kept, &made.secret));
        let rotated = rotate_gateway_token(&state).unwrap();
        assert_ne!(rotated.secret, made.secret);
        assert_eq!(gateway_token(&state).unwrap().secret, rotated.secret);
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1, "no litter");
        assert!(!format!("{rotated:?}").contains(rotated.secret.expose()));
    }

    #[test]
    fn many_at_once_make_one() {
        let home = tempfile::tempdir().unwrap();
        let tokens: Vec<Secret> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| gateway_token(home.path()).unwrap().secret)).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(tokens.iter().all(|token| *token == tokens[0]));
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_a_token_of_ones_own_stays() {
        let home = tempfile::tempdir().unwrap();
        let made = gateway_token(home.path()).unwrap();
        for damage in [&b""[..], b"short", &made.secret.expose().as_bytes()[..31], &[0xff; 64], &[b'x'; 300]] {
            std::fs::write(&made.file, damage).unwrap();
            let replaced = gateway_token(home.path()).unwrap();
            let TokenOrigin::Replaced { set_aside } = replaced.origin else { unreachable!("{:?}", replaced.origin) };
            assert_eq!(std::fs::read(set_aside).unwrap(), damage);
            assert_eq!(gateway_token(home.path()).unwrap().secret, replaced.secret);
        }
        std::fs::write(&made.file, "a-token-of-my-own-with-32-letters\r\n").unwrap();
        assert_eq!(gateway_token(home.path()).unwrap().secret.expose(), "a-token-of-my-own-with-32-letters");
    }

    #[test]
    fn links_and_files_that_others_can_read_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(FILE);
        let other = home.path().join("other");
        std::fs::write(&other, "x".repeat(64)).unwrap();
        symlink(&other, &file).unwrap();
        assert!(matches!(gateway_token(home.path()), Err(StateFileError::NotAFile { .. })));
        assert!(matches!(rotate_gateway_token(home.path()), Err(StateFileError::NotAFile { .. })));
        std::fs::remove_file(&file).unwrap();
        symlink(home.path().join("nowhere"), &file).unwrap();
        assert!(matches!(gateway_token(home.path()), Err(StateFileError::NotAFile { .. })));
        assert!(!home.path().join("nowhere").exists());
        std::fs::remove_file(&file).unwrap();
        let made = gateway_token(home.path()).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let error = gateway_token(home.path()).unwrap_err();
        assert!(error.to_string().contains("(mode 640); run: chmod 600"), "{error}");
        let rotated = rotate_gateway_token(home.path()).unwrap();
        assert_ne!(rotated.secret, made.secret);
        assert_eq!(gateway_token(home.path()).unwrap().secret, rotated.secret, "its mode is mended too");
    }
}
