//! What an asset depends on, and what it does not.

use proptest::prelude::*;

use super::*;

fn asset(inputs: &[&str]) -> Asset {
    let inputs = inputs.iter().map(|input| (*input).to_owned()).collect();
    Asset { command: "make assets".to_owned(), inputs, output: "public".to_owned() }
}

fn file(path: &str, id: &str) -> SourceFile {
    SourceFile { path: path.as_bytes().to_vec(), mode: 0o100_644, id: id.to_owned() }
}

fn commit() -> Vec<SourceFile> {
    vec![
        file("Makefile", "1"),
        file("assets/a.css", "2"),
        file("assets/deep/b.css", "3"),
        file("main.py", "4"),
    ]
}

#[test]
fn the_digest_of_known_sources_is_the_same_for_ever() {
    let known = "5233c4997a820f8ac97453b88df044f973f7db5929c5b5d251e84ecd9c16463c";
    assert_eq!(sources(&asset(&["assets/**", "Makefile"]), &commit()), known);
}

#[test]
fn what_is_no_input_does_not_count() {
    let asset = asset(&["assets/**", "Makefile"]);
    let mut other = commit();
    other[3].id = "changed".to_owned();
    other.push(file("new.py", "5"));
    other.reverse();
    assert_eq!(sources(&asset, &commit()), sources(&asset, &other));
}

#[test]
fn whatever_the_command_can_see_counts() {
    let asset = asset(&["assets"]);
    let known = sources(&asset, &commit());
    let changes: [fn(&mut Vec<SourceFile>); 5] = [
        |files| files[2].id = "changed".to_owned(),
        |files| files[2].mode = 0o100_755,
        |files| files[2].path = b"assets/deep/c.css".to_vec(),
        |files| drop(files.remove(1)),
        |files| files.push(file("assets/c.css", "5")),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut other = commit();
        change(&mut other);
        assert_ne!(sources(&asset, &other), known, "change {at}");
    }
    let others =
        [Asset { command: "make".to_owned(), ..asset.clone() }, Asset { output: "x".to_owned(), ..asset }];
    for other in others {
        assert_ne!(sources(&other, &commit()), known, "{other:?}");
    }
}

#[test]
fn an_output_in_which_the_commit_has_files_and_inputs_that_are_none_are_mistakes() {
    let said =
        |inputs: &[&str], path: &str| mistake(&asset(inputs), &[file("Makefile", "1"), file(path, "2")]);
    assert_eq!(said(&["Makefile"], "publicity"), None);
    for path in ["public", "public/.gitkeep"] {
        assert!(said(&["Makefile"], path).unwrap().contains(&format!("the commit has `{path}`")));
    }
    let below = Asset { output: "a/b".to_owned(), ..asset(&["**"]) };
    assert!(mistake(&below, &[file("a", "1")]).unwrap().contains("the commit has `a`"));
    assert!(said(&["assets/**"], "main.py").unwrap().contains("name no file of the commit"));
}

proptest! {
    #[test]
    fn two_commits_have_one_digest_exactly_when_their_inputs_are_the_same(
        left in prop::collection::btree_map("[ab](/[ab])?", "[12]", 0..5),
        right in prop::collection::btree_map("[ab](/[ab])?", "[12]", 0..5),
    ) {
        let asset = asset(&["a", "b/a"]);
        let files = |all: &std::collections::BTreeMap<String, String>| -> Vec<SourceFile> {
            all.iter().map(|(path, id)| file(path, id)).collect()
        };
        let inputs = |all: &std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
            let is_input = |path: &String| path == "a" || path.starts_with("a/") || path == "b/a";
            all.iter().filter(|(path, _)| is_input(path)).map(|(path, id)| (path.clone(), id.clone())).collect()
        };
        let are_one = sources(&asset, &files(&left)) == sources(&asset, &files(&right));
        prop_assert_eq!(are_one, inputs(&left) == inputs(&right));
    }
}
