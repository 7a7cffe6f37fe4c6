//! A store that is cut or flipped at any byte gives exactly what lies before the damage.

use std::path::{Path, PathBuf};

use mcpstore_history::{History, Options, Reader};
use proptest::prelude::*;

use crate::{files, numbers, write};

/// Four records a segment.
fn small() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 700;
    options
}

/// A store of three segments, and which numbers stand in each.
struct Sample {
    _home: tempfile::TempDir,
    folder: PathBuf,
    segments: Vec<(PathBuf, Vec<u8>)>,
}

fn sample() -> Sample {
    // In memory where that is to be had: thousands of stores are brought to the disk here.
    let memory = Path::new("/dev/shm");
    let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let folder = home.path().join("history");
    write(&folder, small(), 1..=12);
    let segments: Vec<_> =
        files(&folder, ".log").into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    assert_eq!(segments.len(), 3);
    Sample { _home: home, folder, segments }
}

/// The numbers in whole lines of these bytes, found without any of the code that is tried.
fn whole(bytes: &[u8]) -> Vec<u64> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    lines.map(|line| line.split("\"seq\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()).collect()
}

impl Sample {
    /// Puts everything back, with `damaged` as the bytes of the nth segment.
    fn reset(&self, nth: usize, damaged: &[u8]) {
        for path in files(&self.folder, ".log").into_iter().chain(files(&self.folder, ".bad")) {
            std::fs::remove_file(path).unwrap();
        }
        for (number, (path, bytes)) in self.segments.iter().enumerate() {
            std::fs::write(path, if number == nth { damaged } else { bytes }).unwrap();
        }
    }

    /// What must be left when the nth segment is whole up to `valid` bytes.
    fn expected(&self, nth: usize, valid: usize) -> Vec<u64> {
        let kept = |(number, (_, bytes)): (usize, &(PathBuf, Vec<u8>))| {
            whole(if number == nth { &bytes[..valid] } else { bytes })
        };
        self.segments.iter().enumerate().flat_map(kept).collect()
    }

    /// Tries the store as it is on disk: for reading alone, opened, and written on.
    fn check(&self, nth: usize, damaged: &[u8], at: usize) {
        // What lies before the line that `at` is in.
        let bytes = &self.segments[nth].1;
        let valid = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let mut expected = self.expected(nth, valid);
        let case = format!("segment {nth}, byte {at} of {}", bytes.len());
        assert_eq!(numbers(&self.folder), expected, "before it is mended: {case}");

        let (history, opened) = History::open(&self.folder, small()).unwrap();
        assert_eq!(opened.valid_records, expected.len() as u64, "{case}");
        let lost = &damaged[valid..];
        assert_eq!(opened.lost_bytes, lost.len() as u64, "{case}");
        assert_eq!(opened.set_aside.len(), usize::from(!lost.is_empty()), "{case}");
        for aside in &opened.set_aside {
            assert_eq!(aside.segment, self.segments[nth].0);
            assert_eq!((aside.kept_bytes, aside.lost_bytes), (valid as u64, lost.len() as u64));
            assert_eq!(std::fs::read(aside.copy.as_ref().unwrap()).unwrap(), lost, "{case}");
        }
        assert_eq!(history.health().set_aside_total, opened.set_aside.len() as u64);
        history.append(crate::numbered(100));
        history.sync().unwrap();
        drop(history);
        expected.push(100);
        assert_eq!(numbers(&self.folder), expected, "written on: {case}");
        let (_history, opened) = History::open(&self.folder, small()).unwrap();
        assert_eq!((opened.set_aside.len(), opened.valid_records), (0, expected.len() as u64), "mended once: {case}");
    }
}

#[test]
fn a_store_cut_at_any_byte_gives_what_lies_before_the_cut() {
    let sample = sample();
    for (nth, (_, bytes)) in sample.segments.iter().enumerate() {
        for at in 0..bytes.len() {
            let cut = &bytes[..at];
            sample.reset(nth, cut);
            sample.check(nth, cut, at);
        }
    }
}

#[test]
fn a_store_flipped_at_any_byte_gives_what_lies_before_the_flip() {
    let sample = sample();
    for (nth, (_, bytes)) in sample.segments.iter().enumerate() {
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            // Another bit each time; in `frame`, every bit of a line is tried.
            flipped[at] ^= 1 << (at % 8);
            sample.reset(nth, &flipped);
            sample.check(nth, &flipped, at);
        }
    }
}

/// What may happen to a segment. Places are parts of its length, of 1,000.
#[derive(Clone, Debug)]
enum Harm {
    Flip {
        at: usize,
        bits: u8,
    },
    Cut {
        at: usize,
    },
    /// Blocks that a file system never wrote come back as zeros.
    Zeros {
        at: usize,
        count: usize,
    },
    /// Rests of something else, whole lines of another history included.
    Follows(String),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = 0..1000_usize;
    let line = "fe1bb45d 00007 {\"t\":1}";
    prop_oneof![
        (at.clone(), 1..=255_u8).prop_map(|(at, bits)| Harm::Flip { at, bits }),
        at.clone().prop_map(|at| Harm::Cut { at }),
        (at, 1..200_usize).prop_map(|(at, count)| Harm::Zeros { at, count }),
        "[ -~\n]{1,60}".prop_map(move |text| Harm::Follows(format!("{text}\n{line}\n"))),
    ]
}

impl Harm {
    fn befall(&self, bytes: &mut Vec<u8>) {
        let place = |at: usize| at * bytes.len() / 1000;
        match self {
            Self::Flip { at, bits } => {
                let at = place(*at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= bits;
                }
            }
            Self::Cut { at } => bytes.truncate(place(*at)),
            Self::Zeros { at, count } => {
                let at = place(*at);
                bytes.iter_mut().skip(at).take(*count).for_each(|byte| *byte = 0);
            }
            Self::Follows(text) => bytes.extend(text.as_bytes()),
        }
    }
}

proptest! {
    // The number of cases comes from the environment, 256 without it.
    #![proptest_config(ProptestConfig::default())]
    #[test]
    fn whatever_befalls_several_segments_each_gives_what_lies_before_its_first_damage(
        harms in prop::collection::vec((0..3_usize, harm()), 1..6),
    ) {
        let sample = sample();
        let mut expected = Vec::new();
        let mut left: Vec<Vec<u8>> = sample.segments.iter().map(|(_, bytes)| bytes.clone()).collect();
        for (nth, harm) in &harms {
            harm.befall(&mut left[*nth]);
        }
        for ((path, bytes), left) in sample.segments.iter().zip(&left) {
            std::fs::write(path, left).unwrap();
            let same = bytes.iter().zip(left).take_while(|(was, is)| was == is).count();
            expected.extend(whole(&bytes[..same]));
        }
        prop_assert_eq!(numbers(&sample.folder), expected.clone());
        let (history, opened) = History::open(&sample.folder, small()).unwrap();
        prop_assert_eq!(opened.valid_records, expected.len() as u64);
        history.append(crate::numbered(100));
        history.sync().unwrap();
        drop(history);
        expected.push(100);
        prop_assert_eq!(numbers(&sample.folder), expected);
        let (_history, opened) = History::open(&sample.folder, small()).unwrap();
        prop_assert_eq!(opened.lost_bytes, 0);
    }
}

#[test]
fn a_segment_that_is_gone_costs_itself_alone() {
    let sample = sample();
    for (nth, (path, _)) in sample.segments.iter().enumerate() {
        sample.reset(0, &sample.segments[0].1);
        std::fs::remove_file(path).unwrap();
        let expected = sample.expected(nth, 0);
        assert_eq!(numbers(&sample.folder), expected);
        let (_history, opened) = History::open(&sample.folder, small()).unwrap();
        assert_eq!((opened.valid_records, opened.lost_bytes), (expected.len() as u64, 0));
    }
}

#[test]
fn what_cannot_be_read_is_set_aside_whole_and_no_link_is_followed() {
    let sample = sample();
    let (path, bytes) = &sample.segments[1];
    let elsewhere = sample.folder.with_file_name("elsewhere");
    std::fs::write(&elsewhere, bytes).unwrap();
    std::fs::remove_file(path).unwrap();
    std::os::unix::fs::symlink(&elsewhere, path).unwrap();
    let expected = sample.expected(1, 0);
    assert_eq!(numbers(&sample.folder), expected);
    let (_history, opened) = History::open(&sample.folder, small()).unwrap();
    assert_eq!(opened.valid_records, expected.len() as u64);
    assert_eq!(opened.set_aside.len(), 1);
    assert!(opened.set_aside[0].copy.as_ref().unwrap().is_symlink());
    assert_eq!(&std::fs::read(elsewhere).unwrap(), bytes, "untouched");
}

#[test]
fn of_what_is_set_aside_the_newest_four_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("history");
    for round in 1..=7_u64 {
        write(&folder, Options::default(), [round]);
        let segment = folder.join("00000001.log");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes.extend(format!("half {round}").as_bytes());
        std::fs::write(&segment, bytes).unwrap();
        let (_history, opened) = History::open(&folder, Options::default()).unwrap();
        assert_eq!((opened.valid_records, opened.lost_bytes), (round, 6));
        let copy = opened.set_aside[0].copy.as_ref().unwrap();
        let said = format!(
            "`{}` is damaged after {} bytes: the 6 that follow are set aside in `{}`",
            segment.display(),
            opened.set_aside[0].kept_bytes,
            copy.display()
        );
        assert_eq!(opened.set_aside[0].to_string(), said);
    }
    let texts: Vec<_> = files(&folder, ".bad").iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert_eq!(texts, ["half 4", "half 5", "half 6", "half 7"]);
}

#[test]
fn what_a_later_version_wrote_is_passed_over_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("history");
    write(&folder, Options::default(), [1]);
    let segment = folder.join("00000001.log");
    let before = std::fs::read_to_string(&segment).unwrap();
    // `crc32` of this JSON, made with another program.
    let later = "1be24c68 00033 {\"t\":1500,\"k\":\"weather\",\"rain\":7}\n";
    std::fs::write(&segment, format!("{before}{later}")).unwrap();
    write(&folder, Options::default(), [2]);
    let mut since = Reader::open(&folder).unwrap().since(0).unwrap();
    assert_eq!(since.by_ref().count(), 2);
    assert_eq!((since.skipped_total(), since.damaged_total()), (1, 0));
    assert!(std::fs::read_to_string(&segment).unwrap().starts_with(&format!("{before}{later}")));
}

#[test]
fn a_reader_says_how_many_segments_are_damaged() {
    let sample = sample();
    let damaged = |folder: &Path| {
        let mut since = Reader::open(folder).unwrap().since(0).unwrap();
        since.by_ref().for_each(drop);
        since.damaged_total()
    };
    assert_eq!(damaged(&sample.folder), 0);
    sample.reset(0, &sample.segments[0].1[..200]);
    assert_eq!(damaged(&sample.folder), 1);
    // The last one may be in the making.
    sample.reset(2, &sample.segments[2].1[..200]);
    assert_eq!(damaged(&sample.folder), 0);
}
