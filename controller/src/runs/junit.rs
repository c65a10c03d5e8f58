//! What the JUnit files say, summed up.

use junit_parser::{TestCase, TestStatus, TestSuite};
use quick_xml::Reader;
use quick_xml::events::Event;
use slipway_agent::ReportFile;
use slipway_crds::v1alpha1::{TestFailure, TestTotals};

/// Failing tests that are told one by one, and characters of their names and messages.
const MAX_FAILURES: usize = 20;
const MAX_NAME: usize = 200;
const MAX_MESSAGE: usize = 300;
/// Suites within suites; the parser goes down by recursion.
const MAX_DEPTH: usize = 64;

/// Sums over the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// None when no file could be read.
    pub totals: Option<TestTotals>,
    /// The first failing tests, in the order of the files.
    pub failures: Vec<TestFailure>,
    /// Files that could not be read, and why.
    pub malformed: Vec<String>,
}

/// Reads the files. One that is malformed is named and left out.
pub fn tally(files: &[ReportFile]) -> Tally {
    let mut tally = Tally::default();
    for file in files {
        match parse(&file.content) {
            Ok(suites) => {
                tally.totals.get_or_insert_default();
                for suite in &suites {
                    tally.add_suite(suite);
                }
            }
            Err(why) => tally.malformed.push(format!("{} is not a JUnit file: {why}", file.path)),
        }
    }
    tally
}

fn parse(content: &str) -> Result<Vec<TestSuite>, String> {
    check_depth(content)?;
    let suites = junit_parser::from_reader(content.as_bytes()).map_err(|error| error.to_string())?;
    Ok(suites.suites)
}

fn check_depth(content: &str) -> Result<(), String> {
    let mut reader = Reader::from_str(content);
    let mut depth = 0_usize;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(_) if depth == MAX_DEPTH => {
                return Err(format!("it is nested deeper than {MAX_DEPTH}"));
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

impl Tally {
    fn add_suite(&mut self, suite: &TestSuite) {
        for case in &suite.cases {
            self.add_case(case);
        }
        for inner in &suite.suites {
            self.add_suite(inner);
        }
    }

    fn add_case(&mut self, case: &TestCase) {
        let totals = self.totals.get_or_insert_default();
        totals.tests += 1;
        match &case.status {
            TestStatus::Success => {}
            TestStatus::Skipped(_) => totals.skipped += 1,
            TestStatus::Failure(failure) => {
                totals.failures += 1;
                self.add_failure(case, &failure.message, &failure.text);
            }
            TestStatus::Error(error) => {
                totals.errors += 1;
                self.add_failure(case, &error.message, &error.text);
            }
        }
    }

    fn add_failure(&mut self, case: &TestCase, message: &str, text: &str) {
        if self.failures.len() < MAX_FAILURES {
            let said = if message.trim().is_empty() { text } else { message };
            self.failures
                .push(TestFailure { name: cut(&case.name, MAX_NAME), message: cut(said, MAX_MESSAGE) });
        }
    }
}

/// The first characters of a text; nothing that could steer a terminal.
pub fn cut(text: &str, characters: usize) -> String {
    let plain = |c: &char| *c == '\n' || !c.is_control();
    text.trim().chars().filter(plain).take(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallied(contents: &[&str]) -> Tally {
        let file = |(index, content): (usize, &&str)| ReportFile {
            path: format!("{index}.xml"),
            content: (*content).to_owned(),
        };
        tally(&contents.iter().enumerate().map(file).collect::<Vec<_>>())
    }

    const SUITE: &str = r#"<testsuites><testsuite name="pay" tests="99">
        <testcase classname="Pay" name="works"/>
        <testcase classname="Pay" name="refunds"><failure message="expected 3, got 4">trace</failure></testcase>
        <testcase name="charges"><error>no
connection</error></testcase>
        <testsuite name="inner"><testcase name="later"><skipped/></testcase></testsuite>
    </testsuite></testsuites>"#;

    #[test]
    fn cases_are_counted_not_what_the_suite_claims() {
        let expected = TestTotals { tests: 4, failures: 1, errors: 1, skipped: 1 };
        assert_eq!(tallied(&[SUITE]).totals, Some(expected));
    }

    #[test]
    fn failing_tests_are_told_by_class_name_and_message() {
        let failures = tallied(&[SUITE]).failures;
        let told: Vec<_> = failures.iter().map(|f| (f.name.as_str(), f.message.as_str())).collect();
        assert_eq!(told, [("Pay::refunds", "expected 3, got 4"), ("charges", "no\nconnection")]);
    }

    #[test]
    fn a_malformed_file_is_named_and_the_others_count() {
        for bad in ["<testsuite><testcase", "not xml at all", "", "<html></html>", "<testsuite></testcase>"] {
            let tally = tallied(&[bad, r#"<testsuite><testcase name="a"/></testsuite>"#]);
            assert_eq!(tally.totals.unwrap().tests, 1, "{bad}");
            assert!(tally.malformed[0].starts_with("0.xml is not a JUnit file: "), "{:?}", tally.malformed);
        }
        assert_eq!(tallied(&["<testsuite"]).totals, None);
    }

    #[test]
    fn suites_nested_without_end_do_not_bring_the_operator_down() {
        let plain = "<testsuite>".repeat(60_000);
        let hidden = "<testsuite><![CDATA[</testsuite>]]>".repeat(20_000);
        for bomb in [plain.as_str(), hidden.as_str()] {
            assert!(tallied(&[bomb]).malformed[0].contains("nested deeper than 64"));
        }
    }

    #[test]
    fn only_the_first_failures_are_kept_and_cut() {
        let case = format!(
            r#"<testcase name="{}"><failure message="&#27;[31m{}"/></testcase>"#,
            "n".repeat(999),
            "é".repeat(999)
        );
        let tally = tallied(&[&format!("<testsuite>{}</testsuite>", case.repeat(30))]);
        assert_eq!((tally.totals.unwrap().failures, tally.failures.len()), (30, MAX_FAILURES));
        let first = &tally.failures[0];
        assert_eq!((first.name.len(), first.message.chars().count()), (MAX_NAME, MAX_MESSAGE));
        assert!(first.message.starts_with("[31m"), "no escape characters");
    }
}
