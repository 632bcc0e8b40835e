//! Whether an application can do its work: what it depends on, and what is wrong with it.

/// What an application depends on, and how it stands with that. `/ready` says it to whoever asks,
/// so no secret belongs here.
#[derive(Debug, Default)]
pub struct Readiness(Vec<(String, Option<String>)>);

impl Readiness {
    /// This one is there.
    pub fn ready(&mut self, name: impl Into<String>) {
        self.0.push((name.into(), None));
    }

    /// This one is not, and why.
    pub fn not_ready(&mut self, name: impl Into<String>, why: impl Into<String>) {
        self.0.push((name.into(), Some(why.into())));
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.iter().all(|(_, problem)| problem.is_none())
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, problem)| (name.as_str(), problem.as_deref()))
    }
}
