//! The committed definitions are what the types say.

#[test]
fn committed_definitions_are_fresh() {
    for definition in slipway_crds::definitions() {
        let file = format!("{}/generated/{}.yaml", env!("CARGO_MANIFEST_DIR"), definition.spec.names.plural);
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(committed, slipway_crds::render(&definition).unwrap(), "{file} is stale: run `make generate`");
    }
}
