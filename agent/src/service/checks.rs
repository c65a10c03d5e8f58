//! Whether the services of a container are up: decided from what was seen, by nothing else.

use std::collections::BTreeMap;

use super::status::Standing;

/// A service that was started this often does not stay up.
const STARTS: usize = 4;

/// What is known of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pids: Vec<u32>,
    standing: Option<Standing>,
    check: Option<Checked>,
}

/// What a service's own check says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It has none, or it passed.
    Passed,
    /// It did not pass; the reason as `sv` says it.
    Failed(String),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not all are up yet.
    Wait,
    /// All are up.
    Up,
    /// These will not come up, or not in time, and why.
    Down(Vec<String>),
}

/// All services, by name.
#[derive(Clone, Debug, Default)]
pub struct Checks {
    services: BTreeMap<String, Seen>,
    settle_seconds: u64,
}

impl Checks {
    /// Nothing has been seen yet of these services, which have to stay up for some seconds.
    pub fn of(names: impl IntoIterator<Item = String>, settle_seconds: u32) -> Self {
        let services = names.into_iter().map(|name| (name, Seen::default())).collect();
        Self { services, settle_seconds: u64::from(settle_seconds) }
    }

    /// A look at one service. Whether its own check has to be asked now.
    pub fn see(&mut self, name: &str, standing: Standing) -> bool {
        let Some(seen) = self.services.get_mut(name) else { return false };
        seen.standing = Some(standing);
        let Standing::Up { pid, seconds } = standing else {
            seen.check = None;
            return false;
        };
        if seen.pids.last() != Some(&pid) {
            seen.pids.push(pid);
            seen.check = None;
        }
        seconds >= self.settle_seconds && seen.check != Some(Checked::Passed)
    }

    /// The answer of its check.
    pub fn checked(&mut self, name: &str, checked: Checked) {
        if let Some(seen) = self.services.get_mut(name) {
            seen.check = Some(checked);
        }
    }

    /// What follows from all that was seen, in time or when the time is over.
    pub fn verdict(&self, is_over: bool) -> Verdict {
        let hopeless: Vec<_> = self.services.iter().filter_map(|(name, seen)| seen.hopeless(name)).collect();
        if !hopeless.is_empty() {
            return Verdict::Down(hopeless);
        }
        let waiting: Vec<_> = self.services.iter().filter_map(|(name, seen)| seen.waiting(name)).collect();
        match (waiting.is_empty(), is_over) {
            (true, _) => Verdict::Up,
            (false, false) => Verdict::Wait,
            (false, true) => Verdict::Down(waiting),
        }
    }
}

impl Seen {
    fn hopeless(&self, name: &str) -> Option<String> {
        let starts = self.pids.len();
        (starts >= STARTS)
            .then(|| format!("{name} does not stay up: it was started {starts} times; its log says why"))
    }

    /// Why it does not count as up.
    fn waiting(&self, name: &str) -> Option<String> {
        Some(match (self.standing, &self.check) {
            (Some(Standing::Off), _) | (_, Some(Checked::Passed)) => return None,
            (_, Some(Checked::Failed(reason))) => format!("the check of {name} does not pass: {reason}"),
            (Some(Standing::Up { .. }), None) => format!("{name} was not up for long enough"),
            (Some(Standing::Down | Standing::Finishing), None) if self.pids.is_empty() => {
                format!("{name} does not start: its program `run` ends at once, or cannot be run")
            }
            (Some(Standing::Down | Standing::Finishing), None) => format!("{name} ended; its log says why"),
            (Some(Standing::Unwatched) | None, None) => format!("{name} is not run by runsvdir"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(pid: u32, seconds: u64) -> Standing {
        Standing::Up { pid, seconds }
    }

    fn checks() -> Checks {
        Checks::of(["www", "helper"].map(str::to_owned), 2)
    }

    #[test]
    fn services_are_up_when_they_stayed_up_and_their_checks_passed() {
        let mut checks = checks();
        assert_eq!(checks.verdict(false), Verdict::Wait);
        assert!(!checks.see("www", up(1, 1)), "too early to ask");
        assert!(checks.see("www", up(1, 2)) && checks.see("helper", up(2, 9)));
        checks.checked("www", Checked::Passed);
        checks.checked("helper", Checked::Failed("no port".to_owned()));
        assert_eq!(checks.verdict(false), Verdict::Wait);
        assert_eq!(
            checks.verdict(true),
            Verdict::Down(vec!["the check of helper does not pass: no port".to_owned()])
        );
        assert!(checks.see("helper", up(2, 10)), "it is asked again");
        checks.checked("helper", Checked::Passed);
        assert_eq!(checks.verdict(true), Verdict::Up);
    }

    #[test]
    fn a_service_that_is_meant_to_be_down_is_no_obstacle() {
        let mut checks = checks();
        checks.see("helper", Standing::Off);
        checks.see("www", up(1, 5));
        checks.checked("www", Checked::Passed);
        assert_eq!(checks.verdict(false), Verdict::Up);
    }

    #[test]
    fn a_service_that_ends_again_and_again_is_not_waited_for() {
        let mut checks = checks();
        for pid in 1..=4 {
            assert_eq!(checks.verdict(false), Verdict::Wait);
            checks.see("www", up(pid, 0));
            checks.see("www", Standing::Down);
        }
        let why = "www does not stay up: it was started 4 times; its log says why".to_owned();
        assert_eq!(checks.verdict(false), Verdict::Down(vec![why]));
    }

    #[test]
    fn a_check_that_passed_counts_only_for_the_process_it_was_about() {
        let mut checks = checks();
        checks.see("helper", Standing::Off);
        checks.see("www", up(1, 5));
        checks.checked("www", Checked::Passed);
        checks.see("www", up(2, 0));
        assert_eq!(checks.verdict(false), Verdict::Wait);
        checks.see("www", Standing::Down);
        assert_eq!(checks.verdict(true), Verdict::Down(vec!["www ended; its log says why".to_owned()]));
    }

    #[test]
    fn when_time_is_over_each_service_has_its_reason() {
        let mut checks = checks();
        checks.see("helper", Standing::Down);
        let expected = [
            "helper does not start: its program `run` ends at once, or cannot be run",
            "www is not run by runsvdir",
        ];
        assert_eq!(checks.verdict(true), Verdict::Down(expected.map(str::to_owned).into()));
    }
}
