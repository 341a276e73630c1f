//! `perch check-config`.

use std::fs;

use crate::scene::{finish, perch};

#[test]
fn the_configuration_is_checked_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("perch.toml");
    let check = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = perch("check-config");
        command.arg(&file);
        finish(command, "")
    };
    let name = file.display();
    check("[server]\ndomain = \"example.org\"\n").check(
        0,
        &format!(
            "{name} is good: accounts of example.org, rooms of rooms.example.org, data in ./perch-data\n"
        ),
        "",
    );
    let faulty = check("[listen]\nxmpp = 5222\n\n[server]\ndomian = \"example.org\"\n");
    let expected = format!(
        "{name}:2: listen.xmpp: expected an address such as \"[::]:5222\" or \"127.0.0.1:5222\", or \"off\"\n\
         {name}:5: server.domian: there is no such key; is server.domain meant?\n"
    );
    faulty.check(3, "", &expected);
}
