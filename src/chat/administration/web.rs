//! Addresses of web pages, as far as they are judged here: which scheme, which host, how long.

/// Whether it is an absolute `http` or `https` address (RFC 9110 §4.2) in plain ASCII, with a host.
pub(super) fn is_web_address(text: &str) -> bool {
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let Some(scheme) = scheme else { return false };
    let rest = &text[scheme.len()..];
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    // A name before the host is how a page pretends to be another one.
    let has_host = !authority.is_empty() && !authority.starts_with(':') && !authority.contains('@');
    has_host && rest.bytes().all(|byte| byte.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_web_are_taken() {
        for good in
            ["http://a", "https://a.example:8443/x?y=z#w", "HTTPS://[2001:db8::1]/", "http://a/?q=a@b"]
        {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "",
            "http://",
            "https:///x",
            "http://:80/",
            "javascript:alert(1)",
            "ftp://a/",
            "file:///etc/passwd",
            "http://bank.example@evil.example/",
            "http://a/ b",
            "http://a/\n",
            "http://ä.example/",
            "http://a/<b>",
            "hé",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
    }
}
