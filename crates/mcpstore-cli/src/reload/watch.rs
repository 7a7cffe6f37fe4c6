//! Watching the files of a config.

use std::time::Duration;

use mcpstore::files::Watch;

use super::{Reloader, Wish};

/// Editors that take a file away before they put the new one there do it within this time.
const SETTLE: Duration = Duration::from_millis(300);

/// Reloads whenever the files change, until it is dropped or the watch breaks. Says so when it cannot watch.
pub(crate) async fn watch(reloader: Reloader) {
    let Some(files) = reloader.files() else { return };
    let paths = files.files.clone();
    let watch = match tokio::task::spawn_blocking(move || Watch::new(paths)).await {
        Ok(Ok(watch)) => watch,
        Ok(Err(error)) => {
            reloader.tell(vec![format!("the config is not watched: {}", crate::exit::chain(&error))]).await;
            return;
        }
        Err(_) => return,
    };
    if let Some(trouble) = watch.trouble() {
        tracing::info!(%trouble, "the config is looked at now and then");
    }
    let mut watch = watch;
    // What happened between the first reading and the watch.
    reload(&reloader, true).await;
    while watch.changed().await.is_ok() {
        if reloader.files().is_some_and(|files| files.files.iter().any(|file| !file.is_file())) {
            // Not a wait that hopes: a file that comes back is told by the watch too.
            tokio::time::sleep(SETTLE).await;
        }
        reload(&reloader, false).await;
    }
}

async fn reload(reloader: &Reloader, first: bool) {
    // Whatever comes of it was told.
    if let Err(failure) = reloader.reload(Wish { first, ..Wish::default() }).await {
        reloader.tell(vec![failure.message]).await;
    }
}
