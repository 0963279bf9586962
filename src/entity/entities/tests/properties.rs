//! Any input at all.

use super::*;

use proptest::prelude::*;

/// Any JSON, with the names of fields that there are.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..70_000_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
        prop_oneof![
            Just("http"),
            Just("grpc"),
            Just("tcp"),
            Just("a.test"),
            Just("/a"),
            Just("limit"),
            Just("header"),
            Just("ip"),
            Just("00000000-0000-0000-0000-000000000001"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_name(), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names: Vec<&str> = Kind::ALL
        .into_iter()
        .flat_map(|kind| kind.entity().schema.fields.iter().map(|field| field.name))
        .chain(["url", "snis", "active", "healthy", "minute", "redis", "x"])
        .collect();
    prop::sample::select(names).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn any_input_is_refused_or_accepted_for_good(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        members in prop::collection::btree_map(any_name(), any_json(), 0..8),
    ) {
        let mut world = World::new();
        let consumer = json!({"id": "00000000-0000-0000-0000-000000000001", "username": "c"});
        world.insert(Kind::Consumers, consumer).unwrap();
        let mut input: Document = members.into_iter().collect();
        let defaults = [("host", "a.test"), ("name", "limit"), ("username", "u"), ("group", "g")];
        for (field, value) in defaults {
            if kind.entity().schema.field(field).is_some() {
                input.entry(field).or_insert(value.into());
            }
        }
        let Ok((shown, _)) = world.insert(kind, Value::Object(input)) else {
            return Ok(());
        };
        // Whatever is shown can be put back, and is then the same but for its time.
        let id = id_of(&shown).to_string();
        let again = world.put(kind, &id, Value::Object(shown.clone()));
        prop_assert_eq!(again, Ok(shown));
    }
}
