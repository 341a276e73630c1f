//! The namespace bindings in scope, innermost last (Namespaces in XML 1.0 §5, §6).

use smallvec::SmallVec;

use super::{GateError, Limits, Namespace};
use crate::namespace;

/// What each prefix means where the reader stands.
pub(super) struct Scope<'a> {
    bindings: SmallVec<[Binding<'a>; 8]>,
}

/// One declaration; the empty prefix is the default namespace.
pub(super) struct Binding<'a> {
    pub(super) prefix: &'a str,
    pub(super) namespace: Namespace,
    /// The level of the element that declares it; 0 is the stream's root.
    pub(super) depth: usize,
}

impl<'a> Scope<'a> {
    pub(super) fn new() -> Self {
        Self { bindings: SmallVec::new() }
    }

    /// Binds what an ancestor outside the text declared.
    pub(super) fn inherit(&mut self, prefix: &'a str, namespace: Namespace) {
        self.bindings.push(Binding { prefix, namespace, depth: 0 });
    }

    /// Binds `prefix` as the tag at `depth` declares it.
    pub(super) fn declare(
        &mut self,
        prefix: &'a str,
        namespace: Namespace,
        depth: usize,
        limits: &Limits,
    ) -> Result<(), GateError> {
        if self.bindings.len() >= limits.scope_namespaces_max {
            return Err(GateError::TooManyNamespaces);
        }
        if self
            .bindings
            .iter()
            .rev()
            .take_while(|binding| binding.depth == depth)
            .any(|binding| binding.prefix == prefix)
        {
            return Err(GateError::DuplicateAttribute);
        }
        let name = namespace.as_str();
        let allowed = match prefix {
            "xml" => name == namespace::XML,
            "xmlns" => false,
            "" => name != namespace::XML && name != XMLNS,
            _ => !name.is_empty() && name != namespace::XML && name != XMLNS,
        };
        if !allowed {
            return Err(GateError::NamespaceDeclaration);
        }
        self.bindings.push(Binding { prefix, namespace, depth });
        Ok(())
    }

    /// Forgets what the tag at `depth` declared.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.bindings.last().is_some_and(|binding| binding.depth >= depth) {
            self.bindings.pop();
        }
    }

    /// All bindings, outermost first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Binding<'a>> {
        self.bindings.iter()
    }

    /// The binding of `prefix`, if any declaration in scope makes one.
    pub(super) fn find(&self, prefix: &str) -> Option<&Binding<'a>> {
        // Most elements have no prefix: they shall cost no comparison of strings.
        let is_same = |bound: &str| bound.len() == prefix.len() && (prefix.is_empty() || bound == prefix);
        self.bindings.iter().rev().find(|binding| is_same(binding.prefix))
    }
}

/// Reserved for declarations themselves; nothing may be bound to it.
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
