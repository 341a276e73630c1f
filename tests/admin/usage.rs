//! What holds for all verbs.

use crate::scene::{finish, perch};

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for arguments in
        ["", "user", "user add", "user add alice --from-csv x.csv", "serve --port 1", "check-config"]
    {
        assert_eq!(finish(perch(arguments), "").code, 2, "{arguments}");
    }
    assert_eq!(finish(perch("--version"), "").out, format!("perch {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_are_told_how_commands_go_on() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = finish(perch(&format!("completions {shell}")), "");
        assert!(ended.code == 0 && ended.out.contains("ungrant"), "{shell}: {ended:?}");
    }
}
