//! The transition matrix as a snapshot: a change of the machine is a change of this file, to be read.

use expect_test::expect_file;

#[test]
fn the_transition_matrix_is_the_one_that_was_read() {
    expect_file!["snapshots/transition_matrix.txt"].assert_eq(&mcpstore_core::transition_matrix());
}
