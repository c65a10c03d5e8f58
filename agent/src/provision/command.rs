//! A plain command.

use super::{Context, Ended, Invocation, Outcome, ProvisionError, Provisioner, ended_with};

/// A program and its arguments, run in the ops repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command(pub Vec<String>);

impl Provisioner for Command {
    fn invocation(&self, context: &Context<'_>) -> Result<Invocation, ProvisionError> {
        if self.0.first().is_none_or(String::is_empty) {
            return Err(ProvisionError::Empty);
        }
        let folder = context.folders.ops.clone();
        Ok(Invocation { words: self.0.clone(), folder, environment: Vec::new(), keeps_output: false })
    }

    fn understand(&self, ended: &Ended) -> Outcome {
        let program = self.0.first().map_or("the command", String::as_str);
        let error = (ended.code != Some(0)).then(|| ended_with(program, ended));
        Outcome { error, states: Vec::new(), changes_untold: true }
    }
}
