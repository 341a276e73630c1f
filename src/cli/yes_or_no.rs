//! Yes and no, as they are typed and shown.

pub(super) fn parse(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it is yes or no".to_owned()),
    }
}

pub(super) fn word(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}
