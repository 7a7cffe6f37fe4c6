//! The warden as a program of its own, for those who start servers from a program that is not `mcpstore`.

fn main() {
    mcpstore_warden::run();
}
