//! The page about the Admin API is what the code says of it.

use silverback::admin::docs;

#[test]
fn the_page_is_printed_from_the_table() {
    let path = "docs/admin-api.md";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, docs::reference()).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        text,
        docs::reference(),
        "UPDATE_GOLDEN=1 cargo test --test admin prints it anew"
    );
}
