//! What has another name in every run, and the name under which runs are compared.

/// Pairs of a run's own words and what stands for them, in the order in which they are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(Vec<(String, &'static str)>);

impl Names {
    /// From pairs of a run's own words and what stands for them; longer words that hold shorter ones come first.
    pub fn new(pairs: impl IntoIterator<Item = (String, &'static str)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// The text of any run, from that of this one.
    pub fn general(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (own, general)| text.replace(own.as_str(), general))
    }

    /// The text of this run, from that of any.
    pub fn own(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (own, general)| text.replace(general, own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_put_back() {
        let names = Names::new([("env-demo-1".to_owned(), "<environment>"), ("f-1".to_owned(), "<fleet>")]);
        let general = names.general("f-1 has env-demo-1");
        assert_eq!(general, "<fleet> has <environment>");
        assert_eq!(names.own(&general), "f-1 has env-demo-1");
    }
}
