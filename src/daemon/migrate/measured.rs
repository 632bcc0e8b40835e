//! What the two ways cost, as PERFORMANCE.md says it: nothing here is made up.

/// The page that this program was built with.
const PERFORMANCE: &str = include_str!("../../../PERFORMANCE.md");
const BEGIN: &str = "<!-- bench:http_sse:begin -->";
const END: &str = "<!-- bench:http_sse:end -->";
/// The rows of the two ways.
const STREAMABLE: &str = "mcp-fastd";
const HTTP_SSE: &str = "mcp-fastd-http-sse";
/// What its column begins with.
const CPU: &str = "CPU µs/request";

/// The part of the table that is about this.
#[derive(Debug, PartialEq)]
pub(super) struct Figures {
    /// When, and on what.
    about: String,
    /// The names of the columns, and the values of both ways.
    columns: Vec<(String, String, String)>,
}

impl Figures {
    /// CPU time of the server that each call costs more, in microseconds.
    pub(super) fn microseconds_saved(&self) -> f64 {
        let number =
            |text: &str| text.split_whitespace().next().and_then(|first| first.parse::<f64>().ok());
        let cpu = self.columns.iter().find(|(name, ..)| name.starts_with(CPU));
        let saved = cpu.and_then(|(_, new, old)| Some(number(old)? - number(new)?));
        saved.unwrap_or_default()
    }
}

/// The figures, if they were measured.
pub(super) fn figures() -> Option<Figures> {
    read(PERFORMANCE)
}

fn read(page: &str) -> Option<Figures> {
    let (_, rest) = page.split_once(BEGIN)?;
    let (section, _) = rest.split_once(END)?;
    let mut lines = section.lines().map(str::trim).filter(|line| !line.is_empty());
    let about = lines.next()?.to_owned();
    let rows: Vec<Vec<&str>> = lines
        .filter(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let row = |name: &str| rows.iter().find(|row| row.first() == Some(&name));
    let (names, new, old) = (rows.first()?, row(STREAMABLE)?, row(HTTP_SSE)?);
    let columns = names.iter().zip(new.iter().zip(old)).skip(1);
    let columns = columns.map(|(name, (new, old))| (plain(name), plain(new), plain(old)));
    Some(Figures { about, columns: columns.collect() })
}

fn plain(text: &str) -> String {
    text.replace("**", "")
}

/// What both ways cost.
pub(super) fn report(figures: Option<&Figures>) -> String {
    let Some(Figures { about, columns }) = figures else {
        return "\nWhat is gained was not measured for this version (PERFORMANCE.md).\n".to_owned();
    };
    let mut out = format!("\nWhat is gained, as measured (PERFORMANCE.md)\n  {about}\n\n");
    out.push_str(&format!("  {:<34} {:>24} {:>24}\n", "", "HTTP+SSE", "Streamable HTTP"));
    for (name, new, old) in columns {
        out.push_str(&format!("  {name:<34} {old:>24} {new:>24}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_table() {
        let page = format!(
            "before\n{BEGIN}\n\n2026-11-21, a machine.\n\n\
             | tools/call | CPU µs/request (user + system) | requests/s |\n| --- | --- | --- |\n\
             | {STREAMABLE} | 5.00 (1 + 4) | **100** |\n\
             | {HTTP_SSE} | 12.50 (3 + 9) | 40 |\n\n{END}"
        );
        let figures = read(&page).expect("a table");
        assert_eq!(figures.about, "2026-11-21, a machine.");
        assert_eq!(figures.columns[1], ("requests/s".into(), "100".into(), "40".into()));
        assert!((figures.microseconds_saved() - 7.5).abs() < 1e-9);
        assert_eq!(read("nothing"), None);
    }

    #[test]
    fn the_page_has_them() {
        assert!(figures().is_some_and(|figures| figures.columns.len() > 2));
    }
}
