//! Draws what one more step costs while many others are up: `plots FOLDER [FILE...]` reads tables of lines
//! `series,size,unit,value`, as `growth` prints them, and writes one SVG for each kind of series and unit.
//!
//! The drawings have no background, and colours that are readable on a light and on a dark page.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use plotters::prelude::*;

/// Size and cost, by series.
type Curves = BTreeMap<String, Vec<(f64, f64)>>;

/// The drawings: name, title, what grows.
const DRAWINGS: [(&str, &str, &str); 5] = [
    (
        "calls",
        "One more call while others wait",
        "calls, requests or subscriptions that are up",
    ),
    (
        "lost",
        "The loss of a connection, for each call on it",
        "calls on the connection",
    ),
    (
        "transactions",
        "One more transaction while others wait",
        "transactions or connections",
    ),
    (
        "agents",
        "One step of one agent among many",
        "agents, or calls of the agent",
    ),
    (
        "rivals",
        "A whole call, both ends, while others are up",
        "calls that are up",
    ),
];

/// The drawing that a series belongs to.
fn drawing(series: &str) -> &'static str {
    if series.starts_with("rival-") {
        "rivals"
    } else if series.ends_with("-lost") {
        "lost"
    } else if series.starts_with("fleet-")
        || series.ends_with("-tick")
        || series.ends_with("-publications")
    {
        "agents"
    } else if series.starts_with("transactions-") || series.ends_with("-connections") {
        "transactions"
    } else {
        "calls"
    }
}

/// Colours with enough contrast to white and to black.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x2f, 0x81, 0xd6),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x5f, 0xa0),
    RGBColor(0xb5, 0x8a, 0x00),
    RGBColor(0x8a, 0x6f, 0xd1),
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0xc9, 0x3c, 0x3c),
];

/// The colours of text and lines, which the style of the drawing replaces: they depend on the page.
const INK: RGBColor = RGBColor(0, 0, 0);
const GRID: RGBColor = RGBColor(1, 1, 1);

const STYLE: &str = "<style>text{fill:#24292f}[stroke=\"#000000\"]{stroke:#57606a}[stroke=\"#010101\"]{stroke:#d8dee4}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}[stroke=\"#000000\"]{stroke:#8b949e}[stroke=\"#010101\"]{stroke:#30363d}}</style>";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((folder, files)) = arguments.split_first() else {
        eprintln!("plots FOLDER [FILE...]");
        return ExitCode::from(2);
    };
    match run(Path::new(folder), files) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plots: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(folder: &Path, files: &[String]) -> Result<(), Box<dyn Error>> {
    let mut drawings: BTreeMap<(&str, String), Curves> = BTreeMap::new();
    for file in files {
        let table = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
        read(&table, &mut drawings).map_err(|fault| format!("{file}: {fault}"))?;
    }
    std::fs::create_dir_all(folder)?;
    for ((name, unit), curves) in drawings {
        let file = folder.join(format!("{name}-{unit}.svg"));
        std::fs::write(&file, draw(name, &unit, &curves)?)?;
        println!("{}", file.display());
    }
    Ok(())
}

/// Sorts the lines of a table into drawings.
fn read(
    table: &str,
    drawings: &mut BTreeMap<(&'static str, String), Curves>,
) -> Result<(), String> {
    for line in table.lines() {
        if line.starts_with("series,") || line.is_empty() {
            continue;
        }
        let fields: Vec<&str> = line.split(',').collect();
        let [series, size, unit, value] = fields[..] else {
            return Err(format!("not four fields: {line}"));
        };
        let number = |text: &str| {
            text.parse::<f64>()
                .map_err(|_| format!("no number: {line}"))
        };
        let point = (number(size)?, number(value)?);
        // A logarithm has no place for nothing.
        if point.0 <= 0.0 || point.1 <= 0.0 {
            continue;
        }
        let curves = drawings
            .entry((drawing(series), unit.to_owned()))
            .or_default();
        curves.entry(series.to_owned()).or_default().push(point);
    }
    Ok(())
}

/// The powers of ten around all of these.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    let most = values.fold(0.0, f64::max);
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    (10_f64.powf(low), 10_f64.powf(high.max(low + 1.0)))
}

fn draw(name: &str, unit: &str, curves: &Curves) -> Result<String, Box<dyn Error>> {
    let known = DRAWINGS.iter().find(|(known, ..)| *known == name);
    let (_, title, grows) = known.ok_or("no such drawing")?;
    let points = || curves.values().flatten();
    let (left, right) = decades(points().map(|point| point.0));
    let (bottom, top) = decades(points().map(|point| point.1));
    let mut svg = String::new();
    {
        // Room for the names of the series below.
        let rows = curves.len().div_ceil(2) as u32;
        let area = SVGBackend::with_string(&mut svg, (760, 400 + 20 * rows)).into_drawing_area();
        let (area, names) = area.split_vertically(400);
        let mut chart = ChartBuilder::on(&area)
            .caption(title, ("sans-serif", 18).into_font().color(&INK))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(44)
            .y_label_area_size(84)
            .build_cartesian_2d((left..right).log_scale(), (bottom..top).log_scale())?;
        chart
            .configure_mesh()
            .x_desc(*grows)
            .y_desc(match unit {
                "instructions" => "instructions of one step",
                "ns" => "nanoseconds of one step",
                other => other,
            })
            .axis_style(INK)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 13).into_font().color(&INK))
            .x_label_formatter(&|value| grouped(*value))
            .y_label_formatter(&|value| grouped(*value))
            .draw()?;
        for ((at, (series, points)), colour) in
            curves.iter().enumerate().zip(COLOURS.iter().cycle())
        {
            let mut points = points.clone();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            chart.draw_series(LineSeries::new(
                points.iter().copied(),
                colour.stroke_width(2),
            ))?;
            let dots = points
                .iter()
                .map(|point| Circle::new(*point, 3, colour.filled()));
            chart.draw_series(dots)?;
            let (x, y) = (96 + 330 * (at as i32 % 2), 6 + 20 * (at as i32 / 2));
            names.draw(&PathElement::new(
                [(x, y + 6), (x + 24, y + 6)],
                colour.stroke_width(2),
            ))?;
            let style = ("sans-serif", 13).into_font().color(&INK);
            names.draw(&Text::new(series.replace("rival-", ""), (x + 32, y), style))?;
        }
        area.present()?;
    }
    // The style stands after the opening tag.
    let head = svg
        .find("<svg")
        .and_then(|start| svg[start..].find('>').map(|end| start + end + 1));
    svg.insert_str(head.ok_or("no drawing")?, &format!("\n{STYLE}\n"));
    Ok(svg)
}

/// A number with commas between thousands.
fn grouped(value: f64) -> String {
    if value < 1.0 {
        return value.to_string();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "series,size,unit,value\nuser-agent-calls-up,1,instructions,250000\n\
        user-agent-calls-up,1000,instructions,251000\nfleet-agents,10,ns,20000\n";

    #[test]
    fn each_unit_and_kind_is_a_drawing_with_its_style() {
        let mut drawings = BTreeMap::new();
        read(TABLE, &mut drawings).expect("a table");
        let names: Vec<_> = drawings
            .keys()
            .map(|(name, unit)| format!("{name}-{unit}"))
            .collect();
        assert_eq!(names, ["agents-ns", "calls-instructions"]);
        for ((name, unit), curves) in &drawings {
            let svg = draw(name, unit, curves).expect("a drawing");
            assert!(svg.contains("prefers-color-scheme:dark"));
            for series in curves.keys() {
                assert!(svg.contains(series.as_str()), "{series} is named");
            }
        }
    }

    #[test]
    fn a_line_with_another_form_is_refused() {
        assert!(read("calls-up,1,ns\n", &mut BTreeMap::new()).is_err());
        assert!(read("calls-up,one,ns,1\n", &mut BTreeMap::new()).is_err());
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!(grouped(1.0), "1");
        assert_eq!(grouped(100_000.0), "100,000");
        assert_eq!(grouped(0.1), "0.1");
    }
}
