use super::*;

/// The exchanges that the specifications print: RFC 5802 §5, RFC 7677 §3, and XEP-0474 with its extensions.
#[test]
fn printed_exchanges() {
    let check = |hash, salt: &str, messages: &str, proof: &str, verifier: &str| {
        let salt = BASE64.decode(salt).unwrap();
        let keys = ScramKeys::derive(hash, "pencil", &salt, 4096).unwrap();
        assert!(keys.verify_proof(&BASE64.decode(proof).unwrap(), messages.as_bytes()), "{messages}");
        let signature = hash.sign(&keys.server_key, messages.as_bytes());
        assert_eq!(BASE64.encode(signature), verifier);
        assert!(!keys.verify_proof(&BASE64.decode(proof).unwrap(), messages.to_uppercase().as_bytes()));
    };
    check(
        ScramHash::Sha1,
        "QSXCR+Q6sek8bf92",
        "n=user,r=fyko+d2lbbFgONRv9qkxdawL,\
         r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,\
         c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
        "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    );
    check(
        ScramHash::Sha256,
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        "n=user,r=rOprNGfwEbeRWgbNEkqO,\
         r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
         c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    );
    check(
        ScramHash::Sha1,
        "QSXCR+Q6sek8bf92",
        "n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6,\
         r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,s=QSXCR+Q6sek8bf92,i=4096,\
         h=G6k/rBLDqgOhRRaCuuatSDFkJ08=,\
         c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,\
         r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
         x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3",
        "M/SIDjT+dfcxUh89jZEypRvFxB4=",
        "MQrMPvv7yv4x4Cq4W4Ih25EqS2c=",
    );
}

#[test]
fn a_password_is_checked_against_its_keys() {
    for hash in [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512] {
        let keys = ScramKeys::derive(hash, "p\u{ad}encil", b"0123456789abcdef", 2).unwrap();
        let check = |password, expected| assert_eq!(keys.verify_password(password), expected, "{password:?}");
        check("pencil", true);
        check("\u{ff50}encil", true);
        check("Pencil", false);
        check("", false);
        check("pencil\u{7}", false);
    }
}

#[test]
fn a_password_that_cannot_be_prepared_has_no_keys() {
    assert_eq!(Credentials::derive("\u{7}", b"salt", 1), Err(PasswordError::Prohibited));
    assert_eq!(Credentials::derive("", b"salt", 1), Err(PasswordError::Empty));
}

#[test]
fn a_decoy_is_stable_and_looks_like_an_account() {
    let decoy = Decoy { secret: [3; 32], iterations: 10_000 };
    for hash in [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512] {
        let keys = decoy.keys(hash, "nobody");
        let real = ScramKeys::derive(hash, "x", &[0; SALT_BYTES], 1).unwrap();
        assert_eq!(keys, decoy.keys(hash, "nobody"));
        assert_ne!(keys.salt, decoy.keys(hash, "noone").salt);
        assert_ne!(keys.salt, Decoy { secret: [4; 32], ..decoy.clone() }.keys(hash, "nobody").salt);
        assert_eq!(keys.salt.len(), real.salt.len());
        assert_eq!(keys.stored_key.len(), real.stored_key.len());
    }
    assert_ne!(decoy.keys(ScramHash::Sha1, "nobody").salt, decoy.keys(ScramHash::Sha256, "nobody").salt);
}

#[test]
fn keys_stay_out_of_logs() {
    let keys = ScramKeys::derive(ScramHash::Sha1, "pencil", b"salt", 1).unwrap();
    assert_eq!(format!("{keys:?}"), "ScramKeys { hash: Sha1, iterations: 1, .. }");
    assert_eq!(format!("{:?}", Decoy { secret: [0; 32], iterations: 7 }), "Decoy { iterations: 7, .. }");
}
