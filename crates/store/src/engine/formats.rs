//! Which output formats can be put together from blocks that the engine formats one by one, and what has to be cut off
//! every block but the first. A format that is not here is answered whole, within a bound.

/// What a block of a format begins with that may stand only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeated {
    /// Nothing: blocks simply follow each other.
    Nothing,
    /// Lines; a line end inside a value is escaped.
    Lines(usize),
    /// Lines of CSV, where a line end may stand inside quotes.
    CsvLines(usize),
    /// A count and as many names, each with its length; twice as many texts when types follow.
    Names {
        /// Types follow the names.
        types: bool,
    },
}

/// How blocks of a format are put together, if they can be.
pub(super) fn repeated(format: &str) -> Option<Repeated> {
    let format = format.to_ascii_lowercase();
    match format.as_str() {
        "native"
        | "rowbinary"
        | "msgpack"
        | "rawblob"
        | "tskv"
        | "csv"
        | "tabseparated"
        | "tsv"
        | "tabseparatedraw"
        | "tsvraw"
        | "jsoneachrow"
        | "jsonlines"
        | "ndjson"
        | "jsonstringseachrow"
        | "jsoncompacteachrow"
        | "jsoncompactstringseachrow" => Some(Repeated::Nothing),
        "tabseparatedwithnames"
        | "tsvwithnames"
        | "tabseparatedrawwithnames"
        | "tsvrawwithnames"
        | "jsoncompacteachrowwithnames"
        | "jsoncompactstringseachrowwithnames" => Some(Repeated::Lines(1)),
        "tabseparatedwithnamesandtypes"
        | "tsvwithnamesandtypes"
        | "tabseparatedrawwithnamesandtypes"
        | "tsvrawwithnamesandtypes"
        | "jsoncompacteachrowwithnamesandtypes"
        | "jsoncompactstringseachrowwithnamesandtypes" => Some(Repeated::Lines(2)),
        "csvwithnames" => Some(Repeated::CsvLines(1)),
        "csvwithnamesandtypes" => Some(Repeated::CsvLines(2)),
        "rowbinarywithnames" => Some(Repeated::Names { types: false }),
        "rowbinarywithnamesandtypes" => Some(Repeated::Names { types: true }),
        _ => None,
    }
}

impl Repeated {
    /// A later block without what stood in the first; `None` when it does not begin as its format says.
    pub(super) fn cut(self, block: &[u8]) -> Option<&[u8]> {
        let length = match self {
            Self::Nothing => 0,
            Self::Lines(count) => lines(block, count, false)?,
            Self::CsvLines(count) => lines(block, count, true)?,
            Self::Names { types } => names(block, types)?,
        };
        block.get(length..)
    }
}

fn lines(block: &[u8], mut count: usize, quotes: bool) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in block.iter().enumerate() {
        match byte {
            b'"' if quotes => quoted = !quoted,
            b'\n' if !quoted => count -= 1,
            _ => {}
        }
        if count == 0 {
            return Some(at + 1);
        }
    }
    None
}

fn names(block: &[u8], types: bool) -> Option<usize> {
    let (columns, mut at) = number(block, 0)?;
    for _ in 0..columns * if types { 2 } else { 1 } {
        let (length, start) = number(block, at)?;
        at = start.checked_add(length)?;
    }
    Some(at)
}

/// A LEB128 number and where it ends.
fn number(block: &[u8], mut at: usize) -> Option<(usize, usize)> {
    let mut value = 0_usize;
    for shift in (0..28).step_by(7) {
        let byte = *block.get(at)?;
        at += 1;
        value |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut<'b>(format: &str, block: &'b [u8]) -> Option<&'b [u8]> {
        repeated(format)?.cut(block)
    }

    #[test]
    fn a_later_block_loses_its_header() {
        assert_eq!(cut("TSVWithNamesAndTypes", b"a\nInt8\n1\n2\n"), Some(b"1\n2\n".as_slice()));
        assert_eq!(cut("CSVWithNames", b"\"a\nb\"\"\n\"\n1\n"), Some(b"1\n".as_slice()));
        assert_eq!(cut("RowBinaryWithNamesAndTypes", b"\x01\x01a\x04Int8\x07"), Some(b"\x07".as_slice()));
        assert_eq!(cut("JSONEachRow", b"{}\n"), Some(b"{}\n".as_slice()));
    }

    #[test]
    fn a_document_is_not_put_together_from_blocks() {
        for format in ["JSON", "Parquet", "Values", "Pretty", "ArrowStream"] {
            assert_eq!(repeated(format), None, "{format}");
        }
    }
}
