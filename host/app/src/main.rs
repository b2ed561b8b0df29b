//! Crosspoint, the application: command line and demonstration. A client of the engine; no audio is made here.

mod cli;
mod commands;
mod demo;
mod drawing;
mod failure;
mod output;
mod rack;
mod recovery;
mod remote;
mod source;
mod watch;

use clap::{CommandFactory, FromArgMatches};
use cli::{Cli, Command};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    crosspoint::formats::scan::serve_if_worker();
    crosspoint::formats::inspect::serve_if_worker(rack::open);
    crosspoint::formats::doctor::serve_if_worker(rack::open, &watch::Watch);
    crosspoint::devices::asio::probe::serve_if_worker();
    let mut matches = Cli::command().get_matches();
    // Which parameter belongs to which plugin is a matter of position, which only the matches know.
    let links = matches.subcommand().map_or(Ok(Vec::new()), |(_, matches)| source::links(matches));
    let cli = match Cli::from_arg_matches_mut(&mut matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    init_log(cli.verbose);
    let done = links.map_err(Failure::usage).and_then(|links| match cli.command {
        Command::Demo(arguments) => commands::demo::run(&arguments),
        Command::Run(arguments) => commands::run::run(&arguments, &links),
        Command::Render(arguments) => commands::render::run(&arguments, &links),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Ctl(arguments) => commands::ctl::run(&arguments),
        Command::Devices(arguments) => commands::devices::run(&arguments),
        Command::Play(arguments) => commands::play::run(&arguments),
        Command::Record(arguments) => commands::record::run(&arguments),
        Command::Plugins(arguments) => commands::plugins::run(&arguments, cli.verbose),
        Command::Graph(arguments) => commands::graph::run(&arguments),
        Command::Latency(arguments) => commands::latency::run(&arguments),
        Command::BitPerfect(arguments) => commands::bit_perfect::run(&arguments),
        Command::Tune(arguments) => commands::tune::run(&arguments, &links),
    });
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("crosspoint: {failure}");
            failure.exit_code()
        }
    }
}

fn init_log(verbose: bool) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    // What libjack says of itself is of no use to anybody while all is as usual: our errors say the same better.
    let (ours, jack) =
        if verbose { (LevelFilter::DEBUG, LevelFilter::DEBUG) } else { (LevelFilter::WARN, LevelFilter::OFF) };
    let targets = Targets::new().with_default(ours).with_target("jack", jack);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    tracing_subscriber::registry().with(lines).with(targets).init();
}
