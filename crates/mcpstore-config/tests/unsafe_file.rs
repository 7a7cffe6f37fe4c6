//! The diagnostic that no text has, as people see it: of a file that was not read.

use expect_test::expect;
use mcpstore_config::{Code, render, unsafe_file_diagnostic};

#[test]
fn a_file_that_others_can_change_is_shown_with_what_mends_it() {
    let why = "can be changed by everyone on this machine";
    let diagnostic = unsafe_file_diagnostic("/srv/a\u{1b}b/mcp.json", why, "chmod go-w '/srv/a\u{1b}b/mcp.json'");
    assert_eq!((diagnostic.code, diagnostic.primary), (Code::UnsafeFile, None));
    expect![[r#"
        error[MS031]: `/srv/a\u{1b}b/mcp.json` can be changed by everyone on this machine
         |
         = note: a config names programs to run, so whoever can change it can run programs as you
         = help: run: chmod go-w '/srv/a\u{1b}b/mcp.json'
    "#]]
    .assert_eq(&render(&[diagnostic], &[], false, 100));
}

#[test]
fn its_command_stays_whole_however_long_it_is() {
    let command = format!("chmod go-w /{}/mcp.json", "x".repeat(500));
    let diagnostic = unsafe_file_diagnostic("mcp.json", "is open", &command);
    assert_eq!(diagnostic.help, Some(format!("run: {command}")));
}
