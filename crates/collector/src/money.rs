//! Money that an event brought, read exactly: from digits to millionths, without a detour through floating point where the
//! sender wrote a text.

use std::borrow::Cow;

use model::{Refusal, Revenue};

use crate::value::{Fault, Value};

/// Reads `{"currency": "EUR", "amount": 12.5}`, or the same as a text.
pub(crate) fn revenue(value: Value<'_>) -> Result<Option<Revenue>, Fault> {
    let fault = (Refusal::Malformed, "revenue must have a currency of three letters and an amount");
    let members = match value {
        Value::Absent => return Ok(None),
        Value::Object(members) => members,
        Value::Text(json) => match serde_json::from_str(&json) {
            Ok(Value::Object(members)) => return revenue_of(&members).map(Some).ok_or(fault),
            _ => return Err(fault),
        },
        Value::Flag(_) | Value::Whole(_) | Value::Number(_) | Value::Other => return Err(fault),
    };
    revenue_of(&members).map(Some).ok_or(fault)
}

fn revenue_of(members: &[(Cow<'_, str>, Value<'_>)]) -> Option<Revenue> {
    let member = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    let Value::Text(currency) = member("currency")? else { return None };
    let currency: [u8; 3] = currency.as_bytes().try_into().ok()?;
    if !currency.iter().all(u8::is_ascii_alphabetic) {
        return None;
    }
    Some(Revenue { currency: currency.map(|letter| letter.to_ascii_uppercase()), micros: micros(member("amount")?)? })
}

/// An amount in millionths. A text is read digit by digit, so that it is exact; a JSON number is exact up to 9 billion.
fn micros(amount: &Value<'_>) -> Option<i64> {
    match amount {
        Value::Whole(units) => i64::try_from(*units).ok()?.checked_mul(1_000_000),
        Value::Number(units) => {
            let micros = (units * 1e6).round();
            // Beyond 2^63 the conversion below would hold at the end of the range instead of saying no.
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            (micros.abs() < 9.2e18).then_some(micros as i64)
        }
        Value::Text(text) => micros_of_text(text.trim()),
        Value::Absent | Value::Flag(_) | Value::Object(_) | Value::Other => None,
    }
}

fn micros_of_text(text: &str) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (units, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if units.is_empty() || !all_digits(units) || !all_digits(fraction) {
        return None;
    }
    // What is below a millionth of a unit is cut off.
    let millionths: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let micros = units.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(millionths)?;
    Some(if negative { -micros } else { micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(json: &str) -> Option<i64> {
        let json = format!(r#"{{"currency":"EUR","amount":{json}}}"#);
        revenue(serde_json::from_str(&json).unwrap()).ok()?.map(|revenue| revenue.micros)
    }

    #[test]
    fn amounts_are_exact() {
        for (json, micros) in [
            ("12", 12_000_000),
            ("12.34", 12_340_000),
            ("0.1", 100_000),
            ("\"0.1\"", 100_000),
            ("\"1299.95\"", 1_299_950_000),
            ("\" 7 \"", 7_000_000),
            ("\"1.\"", 1_000_000),
            ("\"0.0000019\"", 1),
            ("\"9223372036854.775807\"", i64::MAX),
            ("-3.5", -3_500_000),
            ("\"-3.5\"", -3_500_000),
        ] {
            assert_eq!(amount(json), Some(micros), "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_or_too_large_for_one_is_refused() {
        for json in [
            "\"\"",
            "\".5\"",
            "\"1e5\"",
            "\"1,5\"",
            "\"--1\"",
            "\"9223372036854.775808\"",
            "1e13",
            "18446744073709551615",
            "true",
            "null",
        ] {
            assert_eq!(amount(json), None, "{json}");
        }
    }

    #[test]
    fn a_currency_has_three_letters() {
        let read = |json: &str| revenue(serde_json::from_str(json).unwrap());
        assert_eq!(read(r#"{"currency":"jpy","amount":1}"#).unwrap().unwrap().currency, *b"JPY");
        assert_eq!(read(r#""{\"currency\":\"EUR\",\"amount\":\"1\"}""#).unwrap().unwrap().micros, 1_000_000);
        for json in
            [r#"{"currency":"EU","amount":1}"#, r#"{"currency":"E1R","amount":1}"#, r#"{"amount":1}"#, "[]", "\"\""]
        {
            assert!(read(json).is_err(), "{json}");
        }
        assert_eq!(read("null"), Ok(None));
    }
}
