//! The sandbox `basic`: what holds for a server before its first instruction.

use std::fs::File;
use std::path::{Path, PathBuf};

use mcpstore_transport::{Adapter, Launched};
use mcpstore_types::{ServiceName, ServiceSpec};
use mcpstore_warden::proc;

use crate::support::{end, request, tagged, until};

/// The value of a line `NAME:<space>value`.
fn line(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_server_begins_with_nothing_it_should_not_have() {
    // Open in this process, and for its children: what a careless library leaves behind.
    let foreign = rustix::io::dup(File::open("/dev/zero").unwrap()).unwrap();
    let spec = ServiceSpec::stdio(ServiceName::new("sleep").unwrap(), "sleep", ["300"]);
    let (spec, tag) = tagged(spec);
    let Launched { endpoint, .. } = crate::stdio().launch(request(spec)).await.unwrap();
    let pid = endpoint.pid().unwrap();
    let of = |what: &str| Path::new("/proc").join(pid.to_string()).join(what);
    // The loader opens a library for a moment; what was inherited would stay.
    until("three files are open", || {
        let entries = of("fd").read_dir().unwrap();
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        files.sort();
        files == ["0", "1", "2"]
    })
    .await;
    let status = std::fs::read_to_string(of("status")).unwrap();
    for (name, value) in [("Umask:", "0077"), ("NoNewPrivs:", "1"), ("SigBlk:", "0000000000000000")] {
        assert_eq!(line(&status, name), value, "{name}");
    }
    // But for the two that the C library keeps to itself, which nobody can change through it.
    let ignored = u64::from_str_radix(&line(&status, "SigIgn:"), 16).unwrap();
    assert_eq!(ignored & !(0b11 << 31), 0, "{ignored:x}");
    let limits = std::fs::read_to_string(of("limits")).unwrap();
    assert_eq!(line(&limits, "Max core file size"), "0 0 bytes");
    let process = proc::read(i32::try_from(pid).unwrap()).unwrap();
    assert_eq!((process.session, process.group), (process.pid, process.pid));
    // The warden holds nothing of it: who waits for the end of its output waits for nobody else.
    let warden = Path::new("/proc").join(process.parent.to_string()).join("fd");
    let held: Vec<PathBuf> =
        warden.read_dir().unwrap().filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok()).collect();
    assert!(!held.iter().any(|file| file.to_string_lossy().starts_with("pipe:")), "{held:?}");
    assert!(!held.iter().any(|file| file == Path::new("/dev/zero")), "{held:?}");
    end(endpoint, &tag).await;
    drop(foreign);
}
