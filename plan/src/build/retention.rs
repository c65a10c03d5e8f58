//! Which images may go from the registry: never what is in use, and of the rest the newest stay.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

/// An image that a build made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its service.
    pub service: String,
    /// The image by digest.
    pub image: String,
    /// When it was made.
    pub made: Timestamp,
}

/// The images that may go: those beyond the newest `keep` of their service, unless they are in use.
pub fn superfluous<'a>(images: &'a [Kept], in_use: &BTreeSet<String>, keep: usize) -> Vec<&'a Kept> {
    let mut by_service: BTreeMap<&str, Vec<&Kept>> = BTreeMap::new();
    for image in images {
        by_service.entry(&image.service).or_default().push(image);
    }
    by_service
        .into_values()
        .flat_map(|all| beyond(all, keep))
        .filter(|old| !in_use.contains(&old.image))
        .collect()
}

fn beyond(mut images: Vec<&Kept>, keep: usize) -> impl Iterator<Item = &Kept> {
    images.sort_by(|left, right| (right.made, &right.image).cmp(&(left.made, &left.image)));
    images.into_iter().skip(keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(service: &str, name: &str, made: i64) -> Kept {
        let made = Timestamp::from_second(made).unwrap();
        Kept { service: service.to_owned(), image: name.to_owned(), made }
    }

    #[test]
    fn the_newest_of_each_service_stay_and_whatever_is_in_use() {
        let all = [image("www", "a", 1), image("www", "b", 2), image("www", "c", 3), image("api", "d", 0)];
        let names = |in_use: &[&str]| {
            let in_use = in_use.iter().map(|name| (*name).to_owned()).collect();
            superfluous(&all, &in_use, 1).into_iter().map(|kept| kept.image.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["b", "a"]);
        assert_eq!(names(&["a"]), ["b"]);
    }
}
