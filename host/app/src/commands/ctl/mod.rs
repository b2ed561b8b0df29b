//! `crosspoint ctl`: orders for a running rig, for scripts and for people at a distance.

mod matrix;
mod order;
mod stage;
mod text;

use crate::cli::{Ctl, CtlOrder, MappingOrder};
use crate::failure::{Failure, code_for, print_problems};
use crate::output::Output;
use crate::remote::{Client, Order, Server, Topic};
use serde_json::Value;
use std::process::ExitCode;
use text::list;

/// Runs the command.
pub fn run(arguments: &Ctl) -> Result<ExitCode, Failure> {
    let mut output = Output::take()?;
    let order = order::order(&arguments.order)?;
    let server = Server { address: arguments.address, token: arguments.token.clone() };
    let mut client = Client::connect(&server).map_err(Failure::new)?;
    if let CtlOrder::Mapping(MappingOrder::Learn { .. }) = arguments.order {
        return learn(&mut client, order, &mut output);
    }
    let result = client.ask(order).map_err(Failure::new)?;
    if let CtlOrder::Watch { levels, playhead, notices } = arguments.order {
        return watch(&mut client, levels || playhead || notices, &mut output);
    }
    let problems: Vec<String> = list(&result, "problems").filter_map(Value::as_str).map(str::to_owned).collect();
    if arguments.json {
        output.json(&result)?;
    } else {
        output.text(&text::text(&arguments.order, &result))?;
    }
    print_problems(&problems);
    Ok(code_for(&problems))
}

/// Prints what is told, a document a line: whole events, or the rig alone.
fn watch(client: &mut Client, events: bool, output: &mut Output) -> Result<ExitCode, Failure> {
    client.be_patient().map_err(Failure::new)?;
    loop {
        let event = client.hear().map_err(Failure::new)?;
        let document = if events { Some(&event) } else { event.get("rig") };
        if let Some(document) = document {
            output.text(&format!("{document}\n"))?;
        }
    }
}

/// Has a control learned, waits for it, and says which it was.
fn learn(client: &mut Client, order: Order, output: &mut Output) -> Result<ExitCode, Failure> {
    client.ask(Order::Subscribe { to: vec![Topic::Notices] }).map_err(Failure::new)?;
    client.ask(order).map_err(Failure::new)?;
    client.be_patient().map_err(Failure::new)?;
    eprintln!("move the control; `crosspoint ctl mapping stop-learning` ends that");
    loop {
        let event = client.hear().map_err(Failure::new)?;
        let notice = &event["notice"];
        if notice["kind"] == "learned" {
            output.text(&format!("{notice}\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        if notice["kind"] == "learning_stopped" {
            return Err(Failure::new("learning was ended before a control was moved"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Every example of the help is a command line that makes sense.
    #[test]
    fn the_examples_of_the_help_make_sense() {
        let command = crate::cli::Cli::command();
        let ctl = command.find_subcommand("ctl").unwrap();
        let help = ctl.get_after_help().unwrap().to_string();
        let examples = help.lines().filter_map(|line| line.trim().strip_prefix("crosspoint ctl "));
        let mut count = 0;
        for example in examples {
            let words = shell_words(example);
            let line = ["crosspoint", "ctl"].into_iter().chain(words.iter().map(String::as_str));
            let matches = crate::cli::Cli::command().try_get_matches_from(line);
            let matches = matches.unwrap_or_else(|error| panic!("{example}: {error}"));
            let cli = <crate::cli::Cli as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
            let crate::cli::Command::Ctl(arguments) = cli.command else { panic!("{example}") };
            assert!(order::order(&arguments.order).is_ok(), "{example}");
            count += 1;
        }
        assert!(count > 15, "{help}");
    }

    /// Words as a shell has them, as far as the examples need it.
    fn shell_words(line: &str) -> Vec<String> {
        let (mut words, mut quote, mut word) = (Vec::new(), None, String::new());
        for letter in line.chars() {
            match (quote, letter) {
                (None, '\'' | '"') => quote = Some(letter),
                (Some(open), close) if open == close => quote = None,
                (None, ' ') => words.push(std::mem::take(&mut word)),
                (_, letter) => word.push(letter),
            }
        }
        words.push(word);
        words
    }
}
