//! Where an SQL text's parts are: the data after an insert's head, the format asked for, a second statement. It is a lexer,
//! not a parser: what a statement means, and whether it is one, is the engine's to say.

/// What kind of statement a request carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// `INSERT … FORMAT name` or `INSERT … VALUES`, followed by data.
    Insert {
        /// Where the head ends, before `FORMAT` or `VALUES`.
        head_end: usize,
        /// Name of the data's format.
        format: String,
        /// Where the data begins.
        data: usize,
    },
    /// Anything else: one text without data behind it.
    Plain {
        /// Where it ends, without a closing semicolon.
        end: usize,
        /// What it asks to be formatted as.
        format: Option<String>,
        /// Whether the engine can hand its rows out block by block: a selection without totals.
        rows: bool,
    },
    /// There is no statement.
    Empty,
    /// A second statement follows the first.
    Several,
    /// More text is needed to tell.
    Incomplete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Quoted,
    Punctuation(u8),
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// Looks at a statement's beginning; `complete` says whether `text` is all there is.
pub(super) fn look(text: &[u8], complete: bool) -> Statement {
    let Some(first) = next(text, 0) else {
        return if complete { Statement::Empty } else { Statement::Incomplete };
    };
    if first.end == text.len() && !complete {
        return Statement::Incomplete;
    }
    if word(text, first, "insert")
        && let Some(found) = insert(text, first.end, complete)
    {
        return found;
    }
    if complete { plain(text, first) } else { Statement::Incomplete }
}

/// Whether a statement's verb is one that changes nothing outside its session.
pub(super) fn only_reads(text: &[u8]) -> bool {
    let verbs = ["select", "with", "show", "describe", "desc", "explain", "exists", "check", "set", "use"];
    next(text, 0)
        .is_none_or(|first| first.kind == Kind::Punctuation(b'(') || verbs.iter().any(|verb| word(text, first, verb)))
}

/// The data of an insert; `None` when it is one without (`INSERT … SELECT`) or an odd one.
fn insert(text: &[u8], mut at: usize, complete: bool) -> Option<Statement> {
    let mut depth = 0_usize;
    let mut names_follow = false;
    while let Some(token) = next(text, at) {
        // A token that touches the end may go on in the next piece.
        if token.end == text.len() && !complete {
            return Some(Statement::Incomplete);
        }
        match token.kind {
            Kind::Punctuation(b'(') => depth += 1,
            Kind::Punctuation(b')') => depth = depth.saturating_sub(1),
            Kind::Word if depth == 0 && !names_follow => {
                if word(text, token, "values") {
                    return Some(Statement::Insert {
                        head_end: token.start,
                        format: "Values".to_owned(),
                        data: token.end,
                    });
                }
                if word(text, token, "format") {
                    return formatted(text, token, complete);
                }
                if ["select", "with", "watch", "infile"].iter().any(|other| word(text, token, other)) {
                    return None;
                }
            }
            Kind::Word | Kind::Quoted | Kind::Punctuation(_) => {}
        }
        // A table may be called `format` or `values`; after these a name comes.
        names_follow = ["into", "table", "function"].iter().any(|other| word(text, token, other))
            || token.kind == Kind::Punctuation(b'.');
        at = token.end;
    }
    if complete { None } else { Some(Statement::Incomplete) }
}

fn formatted(text: &[u8], keyword: Token, complete: bool) -> Option<Statement> {
    let Some(name) = next(text, keyword.end) else {
        return if complete { None } else { Some(Statement::Incomplete) };
    };
    let rest = text.get(name.end..).unwrap_or_default();
    if !complete && rest.len() < SETTINGS_AHEAD {
        return Some(Statement::Incomplete);
    }
    if name.kind != Kind::Word || settings_follow(rest) {
        return None;
    }
    let format = String::from_utf8_lossy(text.get(name.start..name.end)?).into_owned();
    let mut data = name.end;
    if text.get(data) == Some(&b';') {
        data += 1;
    }
    // As ClickHouse does: blanks and one line end belong to the head.
    while matches!(text.get(data), Some(b' ' | b'\t' | 0x0C)) {
        data += 1;
    }
    if text.get(data) == Some(&b'\r') {
        data += 1;
    }
    if text.get(data) == Some(&b'\n') {
        data += 1;
    }
    Some(Statement::Insert { head_end: keyword.start, format, data })
}

/// How much is read past a format's name to see whether settings follow it.
const SETTINGS_AHEAD: usize = 256;

/// Whether `SETTINGS name =` follows: settings may stand after the format's name, and only the engine can part them from
/// the data then.
fn settings_follow(rest: &[u8]) -> bool {
    let rest = rest.get(..rest.len().min(SETTINGS_AHEAD)).unwrap_or_default();
    let Some(settings) = next(rest, 0).filter(|token| word(rest, *token, "settings")) else { return false };
    let Some(name) = next(rest, settings.end).filter(|token| token.kind == Kind::Word) else { return false };
    next(rest, name.end).is_some_and(|token| token.kind == Kind::Punctuation(b'='))
}

fn plain(text: &[u8], first: Token) -> Statement {
    let (mut at, mut end) = (first.start, first.start);
    let mut format = None;
    let mut totals = false;
    let mut semicolon = false;
    while let Some(token) = next(text, at) {
        if token.kind == Kind::Punctuation(b';') {
            semicolon = true;
        } else {
            if semicolon {
                return Statement::Several;
            }
            if word(text, token, "format") {
                let name = next(text, token.end).filter(|name| name.kind == Kind::Word);
                format = name
                    .and_then(|name| text.get(name.start..name.end))
                    .map(|name| String::from_utf8_lossy(name).into_owned());
            }
            totals |= word(text, token, "totals");
            end = token.end;
        }
        at = token.end;
    }
    let selects =
        ["select", "with"].iter().any(|verb| word(text, first, verb)) || first.kind == Kind::Punctuation(b'(');
    Statement::Plain { end, format, rows: selects && !totals }
}

fn word(text: &[u8], token: Token, expected: &str) -> bool {
    token.kind == Kind::Word
        && text.get(token.start..token.end).is_some_and(|word| word.eq_ignore_ascii_case(expected.as_bytes()))
}

/// The token at or after `at`; blanks and comments lie between tokens.
fn next(text: &[u8], mut at: usize) -> Option<Token> {
    loop {
        let rest = text.get(at..)?;
        let first = *rest.first()?;
        let length = match first {
            _ if first.is_ascii_whitespace() || first == 0x0B => 1,
            b'-' if rest.starts_with(b"--") => line(rest),
            b'#' if rest.starts_with(b"# ") || rest.starts_with(b"#!") => line(rest),
            b'/' if rest.starts_with(b"/*") => find(rest, b"*/").map_or(rest.len(), |found| found + 2),
            b'\'' | b'"' | b'`' => return Some(Token { kind: Kind::Quoted, start: at, end: at + quoted(rest, first) }),
            b'$' => match heredoc(rest) {
                Some(length) => return Some(Token { kind: Kind::Quoted, start: at, end: at + length }),
                None => return Some(Token { kind: Kind::Punctuation(first), start: at, end: at + 1 }),
            },
            _ if part_of_word(first) => {
                let length = rest.iter().take_while(|byte| part_of_word(**byte)).count();
                return Some(Token { kind: Kind::Word, start: at, end: at + length });
            }
            _ => return Some(Token { kind: Kind::Punctuation(first), start: at, end: at + 1 }),
        };
        at += length;
    }
}

fn part_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn line(rest: &[u8]) -> usize {
    rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |found| found + 1)
}

/// Length of a quoted text: a backslash takes the next byte along; a doubled quote simply begins a new quoted token.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match *byte {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// Length of `$tag$…$tag$`.
fn heredoc(rest: &[u8]) -> Option<usize> {
    let tag_end = 2 + rest.get(1..)?.iter().position(|byte| !part_of_word(*byte))?;
    let tag = rest.get(..tag_end).filter(|tag| tag.ends_with(b"$"))?;
    find(rest.get(tag_end..)?, tag).map(|found| tag_end + found + tag.len())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inserted(text: &str) -> (String, String, String) {
        match look(text.as_bytes(), true) {
            Statement::Insert { head_end, format, data } => {
                (text[..head_end].to_owned(), format, text[data..].to_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn finds_where_the_data_of_an_insert_begins() {
        let parts = |head: &str, format: &str, data: &str| (head.to_owned(), format.to_owned(), data.to_owned());
        assert_eq!(inserted("INSERT INTO t(a) FORMAT RowBinary\n\n1"), parts("INSERT INTO t(a) ", "RowBinary", "\n1"));
        assert_eq!(inserted("insert into t values (1)"), parts("insert into t ", "Values", " (1)"));
        assert_eq!(
            inserted("INSERT INTO format (values) FORMAT CSV 1"),
            parts("INSERT INTO format (values) ", "CSV", "1")
        );
        assert_eq!(inserted("INSERT INTO a.values FORMAT CSV;\n1"), parts("INSERT INTO a.values ", "CSV", "1"));
        assert_eq!(
            inserted("/* FORMAT X */ INSERT INTO `format` SETTINGS a='FORMAT Y' FORMAT CSV\nx"),
            parts("/* FORMAT X */ INSERT INTO `format` SETTINGS a='FORMAT Y' ", "CSV", "x")
        );
    }

    #[test]
    fn an_insert_without_data_is_a_plain_statement() {
        for text in [
            "INSERT INTO t SELECT 1",
            "insert into t with 1 as x select x",
            "INSERT INTO t FORMAT CSV SETTINGS a = 1 x",
        ] {
            assert!(matches!(look(text.as_bytes(), true), Statement::Plain { .. }), "{text}");
        }
    }

    #[test]
    fn waits_for_more_while_the_head_is_cut() {
        let text = b"INSERT INTO t (a, b) FORMAT RowBinary\nxyz";
        for end in 0..=text.len() {
            let found = look(&text[..end], false);
            assert_eq!(found, Statement::Incomplete, "{end}");
        }
        let long = [text.as_slice(), &[b'x'; 300]].concat();
        assert!(matches!(look(&long, false), Statement::Insert { data: 38, .. }));
    }

    #[test]
    fn reads_the_format_and_the_end_of_a_selection() {
        let text = "SELECT ';', \"a;b\", $x$ ; $x$ -- ;\n FORMAT JSON ; ";
        let end = text.find(" ; ;").unwrap_or(text.len() - 3);
        assert_eq!(look(text.as_bytes(), true), Statement::Plain { end, format: Some("JSON".to_owned()), rows: true });
        assert!(matches!(look(b"SHOW TABLES", true), Statement::Plain { rows: false, .. }));
        assert!(matches!(look(b"SELECT 1 GROUP BY 1 WITH TOTALS", true), Statement::Plain { rows: false, .. }));
    }

    #[test]
    fn sees_a_second_statement_and_none_at_all() {
        assert_eq!(look(b"SELECT 1; SELECT 2", true), Statement::Several);
        assert_eq!(look(b" -- nothing\n", true), Statement::Empty);
    }
}
