use super::*;

#[test]
fn metadata_is_where_clients_look() {
    assert_eq!(
        well_known("https://id.example/"),
        [
            "https://id.example/.well-known/oauth-authorization-server",
            "https://id.example/.well-known/openid-configuration",
        ]
    );
    assert_eq!(
        well_known("https://id.example/realms/x"),
        [
            "https://id.example/.well-known/oauth-authorization-server/realms/x",
            "https://id.example/.well-known/openid-configuration/realms/x",
            "https://id.example/realms/x/.well-known/openid-configuration",
        ]
    );
}

#[test]
fn ages_are_read() {
    for (control, expected) in [
        ("max-age=300", Some(300)),
        ("public, Max-Age=\"60\", must-revalidate", Some(60)),
        ("max-age=x", None),
        ("max-age", None),
        ("private", None),
        ("no-store", Some(0)),
        ("max-age=300, no-cache", Some(0)),
        ("max-age=99999999999999999999", None),
    ] {
        assert_eq!(max_age(control), expected.map(Duration::from_secs), "{control}");
    }
}

#[test]
fn forms_are_encoded() {
    let mut form = String::new();
    write_field(&mut form, "token", "a+b/c==");
    write_field(&mut form, "x", "ä ~&");
    assert_eq!(form, "token=a%2Bb%2Fc%3D%3D&x=%C3%A4+%7E%26");
}
