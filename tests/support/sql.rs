//! The statements of the store, found in its sources, so that none is forgotten.

use std::fs;

/// The sources of an engine, and of what engines share.
pub(crate) fn sources(engine: &str) -> impl Iterator<Item = String> {
    let folder = |name| fs::read_dir(format!("{}/src/store/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let files = [engine, "administration", "principal"].map(folder).into_iter().flatten();
    files.map(|file| file.unwrap().path()).filter_map(|path| {
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        (is_source && !path.ends_with("tests.rs")).then(|| fs::read_to_string(&path).unwrap())
    })
}

/// The texts of constants that are SQL. `elements`: how the engine takes an array apart, where a macro leaves that open.
pub(crate) fn constants(source: &str, elements: &str) -> Vec<String> {
    let values = source.split("str =").skip(1);
    values.filter_map(|value| text(value, elements)).filter(|text| is_sql(text)).collect()
}

/// Of `"…"`, or `concat!("…", $elements, "…")`; other macros have their own words between theirs.
fn text(value: &str, elements: &str) -> Option<String> {
    let Some(mut rest) = value.trim_start().strip_prefix("concat!(") else {
        return literal(value).map(|(text, _)| text.to_owned());
    };
    let mut text = String::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\n']);
        let (part, behind) = match rest.strip_prefix("$elements") {
            Some(behind) => (elements, behind),
            None => match literal(rest) {
                Some(found) => found,
                None => return rest.starts_with(')').then_some(text),
            },
        };
        text += part;
        rest = behind;
    }
}

/// The string at the beginning, and what follows it.
pub(crate) fn literal(text: &str) -> Option<(&str, &str)> {
    text.trim_start().strip_prefix('"')?.split_once('"')
}

fn is_sql(text: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| text.starts_with(verb))
}
