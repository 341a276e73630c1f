//! The PROXY protocol, version 2: a proxy that ends TLS says whose connection it passes on. No I/O.
//!
//! The header comes in two reads, a prefix that tells the length and the rest, so that no byte of the client's is
//! taken.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// Why bytes are no header that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    #[error("the bytes are no header of the PROXY protocol, version 2")]
    Signature,
    #[error("the header's version or command is unknown")]
    Command,
    #[error("the client's connection is not TCP over IP")]
    Family,
    #[error("the header is too short for its addresses")]
    TooShort,
    #[error("the header is too long")]
    TooLong,
}

/// The part that every header has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    client: Client,
    rest_bytes: usize,
}

/// Whose connection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Client {
    /// The proxy's own: it looks whether we live.
    Proxy,
    /// Somebody's whom the proxy does not name.
    Unnamed,
    Ipv4,
    Ipv6,
}

impl Prefix {
    pub fn parse(bytes: &[u8; PREFIX_BYTES]) -> Result<Self, ProxyError> {
        let [.., command, family, length_high, length_low] = *bytes;
        if !bytes.starts_with(SIGNATURE) {
            return Err(ProxyError::Signature);
        }
        let client = match (command, family) {
            (0x20, _) => Client::Proxy,
            (0x21, 0x00) => Client::Unnamed,
            (0x21, 0x11) => Client::Ipv4,
            (0x21, 0x21) => Client::Ipv6,
            (0x21, _) => return Err(ProxyError::Family),
            _ => return Err(ProxyError::Command),
        };
        let rest_bytes = usize::from(u16::from_be_bytes([length_high, length_low]));
        match rest_bytes {
            0..=REST_BYTES_MAX => Ok(Self { client, rest_bytes }),
            _ => Err(ProxyError::TooLong),
        }
    }

    /// The number of bytes that follow the prefix and belong to the header.
    pub fn rest_bytes(&self) -> usize {
        self.rest_bytes
    }

    /// The client's address, unless the connection is the proxy's own or the proxy does not tell. What stands
    /// behind the addresses (TLVs) is not needed.
    pub fn client(&self, rest: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
        match self.client {
            Client::Proxy | Client::Unnamed => Ok(None),
            Client::Ipv4 => {
                let (ip, rest) = rest.split_first_chunk::<4>().ok_or(ProxyError::TooShort)?;
                Ok(Some((Ipv4Addr::from(*ip), source_port::<4>(rest)?).into()))
            }
            Client::Ipv6 => {
                let (ip, rest) = rest.split_first_chunk::<16>().ok_or(ProxyError::TooShort)?;
                Ok(Some((Ipv6Addr::from(*ip), source_port::<16>(rest)?).into()))
            }
        }
    }
}

/// The port behind the destination's address of `IP` bytes; the destination's own port must stand behind it.
fn source_port<const IP: usize>(rest: &[u8]) -> Result<u16, ProxyError> {
    let (_destination, ports) = rest.split_first_chunk::<IP>().ok_or(ProxyError::TooShort)?;
    let ([high, low, _, _], _tlvs) = ports.split_first_chunk::<4>().ok_or(ProxyError::TooShort)?;
    Ok(u16::from_be_bytes([*high, *low]))
}

/// Signature, command, family and length.
pub const PREFIX_BYTES: usize = 16;

/// Addresses take 36 bytes; what else a proxy may tell about TLS is not long either.
pub const REST_BYTES_MAX: usize = 4096;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(header: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
        let (prefix, rest) = header.split_first_chunk().expect("at least a prefix");
        let prefix = Prefix::parse(prefix)?;
        prefix.client(&rest[..prefix.rest_bytes()])
    }

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, rest].concat()
    }

    #[test]
    fn a_client_is_introduced() {
        let ipv4 = [192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0x14, 0x66];
        let mut ipv6 = [0; 36];
        ipv6[15] = 1;
        ipv6[32..].copy_from_slice(&[0xff, 0xff, 0x14, 0x66]);
        let with_tlv = [&ipv4[..], &[0x04, 0x00, 0x01, 0x00]].concat();
        for (command, family, rest, expected) in [
            (0x21, 0x11, &ipv4[..], Ok(Some("192.0.2.7:12345"))),
            (0x21, 0x11, &with_tlv, Ok(Some("192.0.2.7:12345"))),
            (0x21, 0x21, &ipv6, Ok(Some("[::1]:65535"))),
            (0x21, 0x00, b"", Ok(None)),
            (0x20, 0x00, b"", Ok(None)),
            (0x20, 0x11, &ipv4, Ok(None)),
            (0x21, 0x11, &ipv4[..11], Err(ProxyError::TooShort)),
            (0x21, 0x21, &ipv6[..35], Err(ProxyError::TooShort)),
            (0x21, 0x12, &ipv4, Err(ProxyError::Family)),
            (0x21, 0x31, &ipv4, Err(ProxyError::Family)),
            (0x22, 0x11, &ipv4, Err(ProxyError::Command)),
            (0x11, 0x11, &ipv4, Err(ProxyError::Command)),
        ] {
            let expected = expected.map(|address| address.map(|text| text.parse().unwrap()));
            assert_eq!(read(&header(command, family, rest)), expected, "{command:#x} {family:#x} {rest:?}");
        }
        let too_long = header(0x21, 0x11, &[0; REST_BYTES_MAX + 1]);
        assert_eq!(read(&too_long), Err(ProxyError::TooLong));
        assert_eq!(read(b"PROXY TCP4 192.0.2.7 198.51.100.1 12345 5222\r\n"), Err(ProxyError::Signature));
    }

    proptest! {
        #[test]
        fn no_header_is_read_beyond_its_end(command in 0x20u8..0x22, family: u8, rest in prop::collection::vec(any::<u8>(), 0..64)) {
            let whole = header(command, family, &rest);
            let Ok(prefix) = Prefix::parse(whole.first_chunk().unwrap()) else { return Ok(()) };
            prop_assert_eq!(prefix.rest_bytes(), rest.len());
            let longer = [&rest[..], b"<stream"].concat();
            if let Ok(client) = prefix.client(&rest) {
                prop_assert_eq!(prefix.client(&longer), Ok(client));
            }
        }
    }
}
