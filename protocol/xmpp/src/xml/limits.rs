//! How much one item may hold. Every bound is checked before the work it bounds.

/// The bounds of one stream in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one first-level item, tags included.
    pub stanza_bytes_max: usize,
    /// Levels of elements, the stanza itself being the first.
    pub depth_max: usize,
    /// Attributes in one tag, namespace declarations not counted.
    pub attributes_max: usize,
    /// Namespace declarations in one tag.
    pub tag_namespaces_max: usize,
    /// Namespace declarations in scope at once.
    pub scope_namespaces_max: usize,
    /// Bytes of long namespace names, counted as often as an element or attribute is in one: what an item may grow by
    /// when each is written with its own declaration.
    pub expansion_bytes_max: usize,
    /// Bytes of white space between two items.
    pub whitespace_bytes_max: usize,
}

impl Limits {
    /// Before anyone is authenticated: RFC 6120 §13.12 asks for at least 10 000 bytes.
    pub const PRE_AUTH: Self = Self {
        stanza_bytes_max: 16 << 10,
        expansion_bytes_max: 64 << 10,
        whitespace_bytes_max: 4 << 10,
        ..Self::CLIENT
    };

    /// A client that has proved who it is. A keepalive every 10 seconds uses its white space up in 120 days.
    pub const CLIENT: Self = Self {
        stanza_bytes_max: 256 << 10,
        depth_max: 64,
        attributes_max: 64,
        tag_namespaces_max: 32,
        scope_namespaces_max: 128,
        expansion_bytes_max: 1 << 20,
        whitespace_bytes_max: 1 << 20,
    };

    /// A server that has proved who it is, and speaks for many.
    pub const SERVER: Self = Self { stanza_bytes_max: 512 << 10, ..Self::CLIENT };

    /// What passed the gate once passes it again, under whichever of the other limits it did; its elements may have
    /// been given the declarations of their ancestors since.
    pub(crate) const PASSED: Self = Self {
        stanza_bytes_max: 16 << 20,
        expansion_bytes_max: 4 << 20,
        tag_namespaces_max: Self::CLIENT.tag_namespaces_max + Self::CLIENT.scope_namespaces_max,
        scope_namespaces_max: 2 * Self::CLIENT.scope_namespaces_max,
        ..Self::CLIENT
    };
}
