//! [`Jid`] and its two exact forms: one shared allocation, cloned by counting, compared by its bytes.
//!
//! Invariant: the text was prepared, so that equal addresses are equal bytes.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::preparation::{AddressError, Part, prepare_domain, prepare_local, prepare_resource};

/// An XMPP address, `[local@]domain[/resource]`, bare or full.
#[derive(Clone)]
pub struct Jid {
    /// The prepared text; it may go on behind `end`, where a bare address shares the text of its full one.
    text: Arc<str>,
    /// Where the domain begins: 0, or one behind the `@`.
    domain_start: u16,
    /// Where the domain ends.
    domain_end: u16,
    /// Where this address ends: `domain_end`, or behind the resource.
    end: u16,
}

/// The address of an account, a room or a service: without a resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareJid(Jid);

/// The address of one session or one occupant: with a resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullJid(Jid);

impl Jid {
    /// Prepares `text` and checks it.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        // RFC 7622 §3.2: the resource is cut off at the first slash, only then the localpart at the first `@`.
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(prepare_resource(resource)?)),
            None => (text, None),
        };
        let (local, domain) = match bare.split_once('@') {
            Some((local, domain)) => (Some(prepare_local(local)?), prepare_domain(domain)?),
            None => (None, prepare_domain(bare)?),
        };
        Ok(Self::join(local.as_deref(), &domain, resource.as_deref()))
    }

    /// The part before the `@`.
    pub fn local(&self) -> Option<&str> {
        let end = usize::from(self.domain_start).checked_sub(1)?;
        Some(&self.text[..end])
    }

    /// The host name or IP literal.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.domain_start)..usize::from(self.domain_end)]
    }

    /// The part behind the first slash.
    pub fn resource(&self) -> Option<&str> {
        (!self.is_bare()).then(|| &self.text[usize::from(self.domain_end) + 1..usize::from(self.end)])
    }

    /// Whether there is no resource.
    pub fn is_bare(&self) -> bool {
        self.end == self.domain_end
    }

    /// The address without its resource; it shares the text.
    pub fn bare(&self) -> BareJid {
        BareJid(Self { end: self.domain_end, ..self.clone() })
    }

    /// The address as a full one, if it has a resource.
    pub fn full(&self) -> Option<FullJid> {
        (!self.is_bare()).then(|| FullJid(self.clone()))
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        &self.text[..usize::from(self.end)]
    }

    /// Joins parts that were prepared.
    fn join(local: Option<&str>, domain: &str, resource: Option<&str>) -> Self {
        let offset = |length: usize| u16::try_from(length).expect("three parts of 1023 bytes fit");
        let mut text = String::with_capacity(
            local.map_or(0, |local| local.len() + 1)
                + domain.len()
                + resource.map_or(0, |resource| resource.len() + 1),
        );
        if let Some(local) = local {
            text.push_str(local);
            text.push('@');
        }
        let domain_start = offset(text.len());
        text.push_str(domain);
        let domain_end = offset(text.len());
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        Self { end: offset(text.len()), text: text.into(), domain_start, domain_end }
    }
}

impl BareJid {
    /// Prepares `text` and checks that it has no resource.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        Jid::new(text)?.try_into()
    }

    /// Prepares and joins the two parts.
    pub fn from_parts(local: Option<&str>, domain: &str) -> Result<Self, AddressError> {
        let local = local.map(prepare_local).transpose()?;
        Ok(Self(Jid::join(local.as_deref(), &prepare_domain(domain)?, None)))
    }

    /// Prepares the resource and puts it behind this address.
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, AddressError> {
        let resource = prepare_resource(resource)?;
        Ok(FullJid(Jid::join(self.local(), self.domain(), Some(&resource))))
    }

    /// The part before the `@`.
    pub fn local(&self) -> Option<&str> {
        self.0.local()
    }

    /// The host name or IP literal.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same address where either form may stand.
    pub fn as_jid(&self) -> &Jid {
        &self.0
    }
}

impl FullJid {
    /// Prepares `text` and checks that it has a resource.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        Jid::new(text)?.try_into()
    }

    /// The part before the `@`.
    pub fn local(&self) -> Option<&str> {
        self.0.local()
    }

    /// The host name or IP literal.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The part behind the first slash.
    pub fn resource(&self) -> &str {
        self.0.resource().expect("a full address has a resource by construction")
    }

    /// The address without its resource; it shares the text.
    pub fn bare(&self) -> BareJid {
        self.0.bare()
    }

    /// The prepared text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The same address where either form may stand.
    pub fn as_jid(&self) -> &Jid {
        &self.0
    }
}

impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Jid {}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// The hash of the text, so that maps keyed by addresses are asked by `&str`.
impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl TryFrom<Jid> for BareJid {
    type Error = AddressError;

    fn try_from(jid: Jid) -> Result<Self, AddressError> {
        if jid.is_bare() { Ok(Self(jid)) } else { Err(AddressError::NotBare) }
    }
}

impl TryFrom<Jid> for FullJid {
    type Error = AddressError;

    fn try_from(jid: Jid) -> Result<Self, AddressError> {
        if jid.is_bare() { Err(AddressError::Empty(Part::Resource)) } else { Ok(Self(jid)) }
    }
}

impl From<BareJid> for Jid {
    fn from(bare: BareJid) -> Self {
        bare.0
    }
}

impl From<FullJid> for Jid {
    fn from(full: FullJid) -> Self {
        full.0
    }
}

/// What the three types share: they are their text, on the wire, in a map and in JSON.
macro_rules! behaves_as_text {
    ($($address:ident)*) => {$(
        impl fmt::Display for $address {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $address {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl AsRef<str> for $address {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $address {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl FromStr for $address {
            type Err = AddressError;

            fn from_str(text: &str) -> Result<Self, AddressError> {
                Self::new(text)
            }
        }

        impl Serialize for $address {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $address {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl de::Visitor<'_> for Text {
                    type Value = $address;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("an XMPP address")
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$address, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

behaves_as_text!(Jid BareJid FullJid);

#[cfg(test)]
mod tests;
