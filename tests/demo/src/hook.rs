//! What the git server runs after a push: an image for every branch head.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::repository::Repository;
use crate::service_image::ServiceImages;

/// `input` is git's own for post-receive hooks: `<old> <new> <reference>` a line. Prints one line for each branch;
/// a commit that cannot be built stays pushed.
pub async fn build_pushed(images: &ServiceImages, repository: &Path, input: &str) -> Result<()> {
    let service =
        repository.file_stem().context("the repository has no name")?.to_string_lossy().into_owned();
    let repository = Repository::open(repository);
    for (branch, commit) in pushed_branches(input) {
        let begun = Instant::now();
        match images.build(&repository, &service, commit).await {
            Ok(Some(built)) => {
                let seconds = begun.elapsed().as_secs_f64();
                println!("{branch}: image {} in {seconds:.1} s", built.reference);
            }
            Ok(None) => println!("{branch}: {commit} names no image; the operator builds it"),
            Err(error) => println!("{branch}: there is no image of {commit}: {error:#}"),
        }
    }
    Ok(())
}

/// Branches with their new commits; a branch that was deleted has none.
fn pushed_branches(input: &str) -> impl Iterator<Item = (&str, &str)> {
    input.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (commit, reference) = (words.next()?, words.next()?);
        let exists = commit.bytes().any(|digit| digit != b'0');
        exists.then_some((reference.strip_prefix("refs/heads/")?, commit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_that_moved_are_built_and_deleted_branches_and_tags_are_not() {
        let input = "00 3f2c refs/heads/main\n3f2c 0000 refs/heads/old\n00 91ab refs/tags/v1\n";
        assert_eq!(pushed_branches(input).collect::<Vec<_>>(), [("main", "3f2c")]);
    }
}
