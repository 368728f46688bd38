//! The parameters of a URL: each once, and none that is not known.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::query::problem::Problem;
use crate::reply::Failure;

/// The parameters as a handler is given them.
pub(super) type Sent = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The parameters of one request.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them.
    pub(super) fn read(sent: Sent, known: impl IntoIterator<Item = &'static str> + Clone) -> Result<Self, Failure> {
        let Query(sent) = sent.map_err(|_| Failure::Parameters)?;
        let is_known = |name: &str| known.clone().into_iter().any(|known| known == name);
        if let Some((name, _)) = sent.iter().find(|(name, _)| !is_known(name)) {
            return Err(Problem::unknown("parameter", name, known).into());
        }
        let is_repeated =
            |(at, (name, _)): (usize, &(String, String))| sent.iter().skip(at + 1).any(|(other, _)| other == name);
        if sent.iter().enumerate().any(is_repeated) {
            return Err(Failure::Parameters);
        }
        Ok(Self(sent))
    }

    /// The value of one, where it was sent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(sent, _)| sent == name).map(|(_, value)| value.as_str())
    }

    /// The number of one, from one to `most`, where it was sent.
    pub(super) fn number(&self, name: &'static str, most: u32) -> Result<Option<u32>, Problem> {
        let read = |text: &str| {
            let number = text.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| Problem::form(name, format!("a whole number from 1 to {most}"), &text.into()))
        };
        self.get(name).map(read).transpose()
    }

    /// The value of one that has to be there.
    pub(super) fn must(&self, name: &'static str) -> Result<&str, Problem> {
        self.get(name).ok_or(Problem::Missing(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: &[(&str, &str)]) -> Result<Parameters, String> {
        let sent = sent.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Parameters::read(Ok(Query(sent)), ["site_id", "date_range"]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn one_that_is_not_known_is_named_and_one_that_comes_twice_is_refused() {
        let read_well = read(&[("site_id", "e.com"), ("date_range", "")]).unwrap();
        assert_eq!((read_well.must("site_id"), read_well.get("date_range")), (Ok("e.com"), Some("")));
        assert_eq!(read(&[]).unwrap().must("site_id"), Err(Problem::Missing("site_id")));
        let told = |sent: &[(&str, &str)]| read(sent).err().unwrap();
        assert_eq!(told(&[("foo", "1")]), "unknown parameter `foo`; known: site_id, date_range");
        assert!(told(&[("site", "e.com")]).contains("did you mean `site_id`"));
        assert!(told(&[("site_id", "a"), ("site_id", "b")]).contains("each once"));
    }
}
