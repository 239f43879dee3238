//! `kubectl meshwhy`: the logs of a cluster's pods, read by the user's own kubectl.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{CommandFactory, FromArgMatches};
use meshwhy::input::Input;
use meshwhy::{Error, Result};

use super::args::{Kubectl, Plugin};
use super::defaults::with_defaults;
use super::exit::Exit;
use super::follow::{follow, refuse_without};
use super::help;
use super::plan::Reading;
use super::run::{count, tell};
use super::tongue::Tongue;
use crate::kube::{Ask, following, logs, pods};

/// The name by which kubectl calls us.
const NAME: &str = "kubectl-meshwhy";

pub(super) fn is_its_name(program: &OsStr) -> bool {
    Path::new(program).file_stem().is_some_and(|stem| stem == NAME)
}

/// Runs the plugin.
pub(super) fn run(args: Vec<OsString>, tongue: Tongue) -> Result<Exit> {
    let (args, tongue) = with_defaults(args, &Plugin::command(), true, tongue)?;
    let lang = tongue.people();
    let mut root = help::plugin(lang);
    let parsed = args.parse(&mut root).and_then(|m| Plugin::from_arg_matches(&m));
    let args = match parsed {
        Ok(args) => args,
        Err(error) => return Ok(args.complain(&error, root, lang)),
    };
    let ask = ask(args.resources, &args.kubectl);
    let (inputs, failures) = match ask.resources.is_empty() && ask.selector.is_none() {
        true => (vec![Input::Stdin], Vec::new()),
        false => inputs(&ask, args.kubectl.follow)?,
    };
    failures.iter().for_each(|failure: &Error| tell(&failure.in_lang(lang)));
    if inputs.is_empty() {
        if failures.is_empty() {
            tell(lang.pick("no pod matches", "没有匹配的 Pod"));
        }
        return Ok(Exit::Partial);
    }
    let reading = Reading::new(inputs, &args.formats, None, &args.filters, &args.effort)?;
    let exit = match args.kubectl.follow {
        true => follow(&args.shape, &args.rules, &args.blocks, reading, tongue)?,
        false => {
            refuse_without(&args.blocks)?;
            count(&args.shape, &args.rules, reading, tongue)?
        }
    };
    // What the others said is shown; that some were not asked must not look like success.
    Ok(if failures.is_empty() { exit } else { Exit::Partial })
}

fn inputs(ask: &Ask, follow: bool) -> Result<(Vec<Input>, Vec<Error>)> {
    let (pods, failures) = pods(ask)?;
    let inputs = match follow {
        true if pods.is_empty() => Vec::new(),
        true => vec![following(ask, &pods)],
        false => logs(ask, &pods),
    };
    Ok((inputs, failures))
}

fn ask(resources: Vec<String>, args: &Kubectl) -> Ask {
    let option = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{name}={value}"));
    let cluster = [
        option("context", &args.context),
        option("kubeconfig", &args.kubeconfig),
        option("request-timeout", &args.request_timeout),
    ];
    let logs = [
        option("since", &args.since),
        option("since-time", &args.since_time),
        option("tail", &args.tail.map(|lines| lines.to_string())),
        args.previous.then(|| "--previous".to_owned()),
    ];
    Ask {
        resources,
        selector: args.selector.clone(),
        namespaces: args.namespace.clone(),
        everywhere: args.all_namespaces,
        container: args.container.clone(),
        logs: logs.into_iter().flatten().collect(),
        cluster: cluster.into_iter().flatten().collect(),
        at_once: args.max_log_requests,
    }
}
