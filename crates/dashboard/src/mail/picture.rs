//! The graph of a report as a PNG, because mail clients draw no SVG: a bar a day, at twice the size it is shown at.
//!
//! It has no letters, so it needs no fonts; what it shows stands in words beside it.

use serde_json::Value;
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Rect, Transform};

/// How large it is shown.
pub(crate) const SIZE: (u32, u32) = (560, 140);
/// Pixels of the picture to one that is shown: screens of phones have more.
const DENSITY: u32 = 2;

const GROUND: (u8, u8, u8) = (255, 255, 255);
const LINE: (u8, u8, u8) = (221, 228, 226);
const BAR: (u8, u8, u8) = (15, 118, 110);

/// How high a told number stands: fewer than ten in their middle, what is unknown nowhere.
fn height(value: &Value) -> f32 {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or_default() as f32,
        Value::String(_) => 5.0,
        _ => 0.0,
    }
}

/// Draws the days; nothing where the picture cannot be made.
pub(crate) fn bars(days: &[Value]) -> Option<Vec<u8>> {
    let (width, full) = (SIZE.0 * DENSITY, SIZE.1 * DENSITY);
    let mut picture = Pixmap::new(width, full)?;
    picture.fill(color(GROUND));
    let heights: Vec<f32> = days.iter().map(height).collect();
    let largest = heights.iter().copied().fold(1.0, f32::max);
    let (width, full) = (width as f32, full as f32);
    let bottom = full - 4.0;
    for part in [0.0, 0.5, 1.0] {
        fill(&mut picture, Rect::from_xywh(0.0, bottom - part * (bottom - 8.0), width, 2.0)?, LINE);
    }
    let step = width / heights.len().max(1) as f32;
    for (number, of_day) in heights.iter().enumerate() {
        let tall = of_day / largest * (bottom - 8.0);
        if let Some(bar) = Rect::from_xywh(number as f32 * step + step * 0.15, bottom - tall, step * 0.7, tall)
            .filter(|bar| bar.height() > 0.0)
        {
            fill(&mut picture, bar, BAR);
        }
    }
    picture.encode_png().ok()
}

fn color((red, green, blue): (u8, u8, u8)) -> Color {
    Color::from_rgba8(red, green, blue, 255)
}

fn fill(picture: &mut Pixmap, rect: Rect, with: (u8, u8, u8)) {
    let mut paint = Paint::default();
    paint.set_color(color(with));
    paint.anti_alias = true;
    picture.fill_path(&PathBuilder::from_rect(rect), &paint, FillRule::Winding, Transform::identity(), None);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The highest pixel of the bars' colour in each of `days` columns, from the bottom, as drawn.
    fn tall(days: &[Value]) -> Vec<u32> {
        let png = bars(days).unwrap();
        let picture = Pixmap::decode_png(&png).unwrap();
        assert_eq!((picture.width(), picture.height()), (1_120, 280));
        let column = |number: usize| (1_120 * (2 * number + 1) / (2 * days.len())) as u32;
        let is_bar = |x, y| picture.pixel(x, y).is_some_and(|pixel| (pixel.red(), pixel.green()) == (15, 118));
        (0..days.len()).map(|number| (0..280).filter(|y| is_bar(column(number), *y)).count() as u32).collect()
    }

    #[test]
    fn bars_are_as_high_as_their_days() {
        let found = tall(&[json!(100), json!(50), json!(0), json!(null), json!(25), json!("<10"), json!(100)]);
        let near = |pixels: u32, wanted: u32| pixels.abs_diff(wanted) <= 1;
        assert!(near(found[0], 268) && near(found[1], 134) && near(found[4], 67) && near(found[6], 268), "{found:?}");
        assert!(found[2] == 0 && found[3] == 0 && near(found[5], 13), "{found:?}");
        assert_eq!(tall(&[json!(0)]), [0], "a period of nothing is a picture of nothing");
        assert!(bars(&[]).is_some());
    }
}
