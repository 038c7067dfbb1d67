//! `stepyard graph`: a workflow as a drawing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use stepyard_asl::{Graph, HistoryEvent, Severity, Trace};

use super::history;
use crate::{
    command::validate,
    project::{Options, Project},
    report,
    source::Source,
};

/// Draw a workflow as SVG, Mermaid or DOT.
///
/// The SVG is one file that needs nothing else and follows the reader's light or dark mode. Mermaid
/// goes into a README as it is; DOT is for Graphviz. With an execution's name the path it took
/// stands out.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The definition, in the Amazon States Language
    #[arg(value_name = "WORKFLOW")]
    workflow: PathBuf,

    /// The drawing's form [default: by the ending of --output, else svg]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Write the drawing here and not on stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Highlight the path that this execution took
    #[arg(long, value_name = "NAME")]
    execution: Option<String>,

    #[command(flatten)]
    place: Options,
}

/// What a drawing can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An image for browsers and documents
    Svg,
    /// A Mermaid flowchart
    Mermaid,
    /// A Graphviz digraph
    Dot,
}

/// Runs the command.
pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let path = &arguments.workflow;
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let source = Source::new(path, text);
    let problems = validate::check(&source);
    if problems.iter().any(|it| it.severity == Severity::Error) {
        report::diagnostics(&source, &problems);
        return Ok(ExitCode::from(2));
    }
    let format = arguments.format.or_else(|| Format::of(arguments.output.as_deref()?));
    let history = arguments.history()?;
    let drawing = draw(&source, format.unwrap_or(Format::Svg), history.as_deref())?;
    match &arguments.output {
        Some(file) => {
            fs::write(file, drawing).with_context(|| format!("writing {}", file.display()))?;
        }
        None => report::output(drawing.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    /// The history of the execution to highlight.
    fn history(&self) -> Result<Option<Vec<HistoryEvent>>> {
        let Some(name) = &self.execution else { return Ok(None) };
        let folder = self.workflow.parent().unwrap_or(Path::new(""));
        let project = Project::open(&self.place, folder)?;
        history::read(&project, name).map(Some)
    }
}

impl Format {
    fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "svg" => Some(Self::Svg),
            "mmd" | "mermaid" => Some(Self::Mermaid),
            "dot" | "gv" => Some(Self::Dot),
            _ => None,
        }
    }
}

/// Draws a definition, with the path of an execution when its history is given.
fn draw(source: &Source, format: Format, history: Option<&[HistoryEvent]>) -> Result<String> {
    let definition = serde_json::from_str(source.text()).context("reading the definition")?;
    let graph = Graph::read(&definition);
    let trace = history.map(Trace::from_history);
    if trace.as_ref().is_some_and(|trace| !graph.shows(trace)) {
        bail!(
            "{}: the execution visited states that this definition does not have; it ran another one",
            source.path().display()
        );
    }
    Ok(match format {
        Format::Svg => graph.to_svg(trace.as_ref()),
        Format::Mermaid => graph.to_mermaid(trace.as_ref()),
        Format::Dot => graph.to_dot(trace.as_ref()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_the_ending_of_the_file() {
        let form = |file: &str| Format::of(Path::new(file));
        assert_eq!(form("a/workflow.svg"), Some(Format::Svg));
        assert_eq!(form("workflow.mmd"), Some(Format::Mermaid));
        assert_eq!(form("workflow.gv"), Some(Format::Dot));
        assert_eq!(form("workflow.png"), None);
        assert_eq!(form("svg"), None);
    }

    #[test]
    fn a_definition_is_drawn_in_each_form() {
        let text = r#"{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}"#;
        let source = Source::new("w.json", text);
        for (form, beginning) in
            [(Format::Svg, "<svg "), (Format::Mermaid, "flowchart TD\n"), (Format::Dot, "digraph ")]
        {
            let drawing = draw(&source, form, Some(&[])).unwrap();
            assert!(drawing.starts_with(beginning), "{drawing}");
        }
    }
}
