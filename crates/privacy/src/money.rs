//! Amounts of money as people read them: with the code of their currency, since a sign may be several countries'.

use model::Currency;
use serde::Serialize;
use serde::ser::SerializeStruct as _;

/// Currencies whose smallest unit is the unit itself (ISO 4217).
const WHOLE: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
/// Currencies whose unit has a thousand of the smallest.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// An amount: shown as Plausible does, as a number, in full, and short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money {
    pub(crate) micros: i64,
    pub(crate) currency: Currency,
}

impl Money {
    fn decimals(self) -> usize {
        match self.currency.as_str() {
            code if WHOLE.contains(&code) => 0,
            code if THOUSANDTHS.contains(&code) => 3,
            _ => 2,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "told to the smallest unit, which is kept far beyond 2^53 millionths"
    )]
    pub(crate) fn value(self) -> f64 {
        let units = self.micros as f64 / 1e6;
        format!("{units:.*}", self.decimals()).parse().unwrap_or(units)
    }

    /// `EUR 1,234.50`.
    pub(crate) fn long(self) -> String {
        let told = format!("{:.*}", self.decimals(), self.value().abs());
        let (whole, rest) = told.split_once('.').map_or((told.as_str(), None), |(whole, rest)| (whole, Some(rest)));
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.micros < 0 { "-" } else { "" };
        let rest = rest.map(|rest| format!(".{rest}")).unwrap_or_default();
        format!("{} {sign}{grouped}{rest}", self.currency)
    }

    /// `EUR 1.2K`.
    fn short(self) -> String {
        let value = self.value();
        let (scaled, letter) = match value.abs() {
            size if size >= 1e9 => (value / 1e9, "B"),
            size if size >= 1e6 => (value / 1e6, "M"),
            size if size >= 1e3 => (value / 1e3, "K"),
            _ => return self.long(),
        };
        format!("{} {scaled:.1}{letter}", self.currency)
    }
}

impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut told = serializer.serialize_struct("Money", 4)?;
        told.serialize_field("value", &self.value())?;
        told.serialize_field("long", &self.long())?;
        told.serialize_field("short", &self.short())?;
        told.serialize_field("currency", self.currency.as_str())?;
        told.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_amount_is_told_as_its_currency_is_counted() {
        for (micros, code, value, long, short) in [
            (1_234_500_000, "EUR", 1234.5, "EUR 1,234.50", "EUR 1.2K"),
            (999_995_000, "EUR", 1000.0, "EUR 1,000.00", "EUR 1.0K"),
            (5_000_000, "USD", 5.0, "USD 5.00", "USD 5.00"),
            (12_345_678_000_000, "JPY", 12_345_678.0, "JPY 12,345,678", "JPY 12.3M"),
            (1_500_000, "KWD", 1.5, "KWD 1.500", "KWD 1.500"),
            (0, "EUR", 0.0, "EUR 0.00", "EUR 0.00"),
            (-1_234_000_000_000_000, "EUR", -1_234_000_000.0, "EUR -1,234,000,000.00", "EUR -1.2B"),
        ] {
            let money = Money { micros, currency: Currency::parse(code).unwrap() };
            let told = json!({ "value": value, "long": long, "short": short, "currency": code });
            assert_eq!(serde_json::to_value(money).unwrap(), told);
        }
    }
}
