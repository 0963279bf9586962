//! Certificates, authorities and the server names that they are for.

use super::*;

pub(super) const CERT: &str = include_str!("../../../../tests/tls/cert.pem");
const KEY: &str = include_str!("../../../../tests/tls/key.pem");
const RSA_CERT: &str = include_str!("../../../../tests/tls/rsa-cert.pem");
const RSA_KEY: &str = include_str!("../../../../tests/tls/rsa-key.pem");
const EXPIRED: &str = include_str!("../../../../tests/tls/expired-cert.pem");

#[test]
fn an_authority_is_one_certificate_in_force_that_may_sign() {
    let mut world = World::new();
    let mut add = |cert: &str| {
        // Whatever is said of its digest, it has its own.
        let input = json!({ "cert": cert, "cert_digest": "00" });
        world.insert(Kind::CaCertificates, input)
    };
    let (added, _) = add(CERT).unwrap();
    let digest = added["cert_digest"].as_str().unwrap().to_owned();
    assert_eq!(digest.len(), 64);
    for (cert, fault) in [
        (
            CERT.to_owned(),
            format!("UNIQUE violation detected on '{{cert_digest=\"{digest}\"}}'"),
        ),
        (
            CERT.repeat(2),
            "schema violation (please submit only one certificate at a time)".to_owned(),
        ),
        (
            EXPIRED.to_owned(),
            "schema violation (certificate expired, \"Not After\" time is in the past)".to_owned(),
        ),
        (
            RSA_CERT.to_owned(),
            "schema violation (certificate does not appear to be a CA because it is missing the \"CA\" basic \
             constraint)"
                .to_owned(),
        ),
    ] {
        assert_eq!(refused(add(&cert)), fault);
    }
}

#[test]
fn a_certificate_comes_with_its_own_key() {
    let mut world = World::new();
    let good = json!({"cert": CERT, "key": KEY, "cert_alt": RSA_CERT, "key_alt": RSA_KEY});
    let id = world.add(Kind::Certificates, good);
    let mut fault = |change: Value| refused(world.patch(Kind::Certificates, id, change));
    assert_eq!(
        fault(json!({ "key": RSA_KEY })),
        "schema violation (certificate does not match key)"
    );
    assert_eq!(
        fault(json!({ "key_alt": KEY })),
        "schema violation (alternative certificate does not match key)"
    );
    assert_eq!(
        fault(json!({ "cert_alt": CERT, "key_alt": KEY })),
        "schema violation (certificate and alternative certificate need to have different type (e.g. RSA and ECDSA), \
         the provided certificates were both of the same type)"
    );
}

#[test]
fn certificates_list_their_server_names() {
    let mut world = World::new();
    let pair = |snis: Value| json!({"cert": CERT, "key": KEY, "snis": snis});
    let inserted = world.insert(Kind::Certificates, pair(json!(["b.test", "a.test"])));
    let (first, changes) = inserted.unwrap();
    assert_eq!(first["snis"], json!(["a.test", "b.test"]));
    assert_eq!(changes.len(), 3);
    assert_eq!(
        refused(world.insert(Kind::Certificates, pair(json!(["a.test"])))),
        format!(
            "schema violation (snis: a.test already associated with existing certificate '{}')",
            id_of(&first)
        )
    );
    let renamed = world.patch(
        Kind::Certificates,
        id_of(&first),
        json!({"snis": ["c.test", "a.test"]}),
    );
    assert_eq!(renamed.unwrap()["snis"], json!(["a.test", "c.test"]));
    let untouched = world.patch(Kind::Certificates, id_of(&first), json!({"tags": ["t"]}));
    assert_eq!(untouched.unwrap()["snis"], json!(["a.test", "c.test"]));
    world
        .entities
        .delete(Kind::Certificates, id_of(&first))
        .unwrap();
    assert_eq!(world.entities.count(Kind::Snis), 0);
}
