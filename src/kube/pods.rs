//! Which pods are meant.

use std::collections::{BTreeMap, HashSet};

use meshwhy::arrange::Arrange;
use meshwhy::{Error, Result};
use serde::Deserialize;

use super::{Ask, PROXIES, said, unanswered};

/// A pod, and the container of it that is a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pod {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) container: String,
}

impl Pod {
    /// How its log is called in the output.
    pub(crate) fn source(&self) -> String {
        format!("{}/pod/{}/{}", self.namespace, self.name, self.container)
    }
}

/// The pods that were asked for, by namespace and name, and those that have no proxy or could not be asked.
///
/// # Errors
/// kubectl cannot be run, or refuses the question.
pub(crate) fn pods(ask: &Ask) -> Result<(Vec<Pod>, Vec<Error>)> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    match &ask.namespaces[..] {
        [] => found = objects(ask, None)?,
        [namespace] => found = objects(ask, Some(namespace))?,
        // What one of several has not, the others may have.
        several => {
            for namespace in several {
                match objects(ask, Some(namespace)) {
                    Ok(more) => found.extend(more),
                    Err(error) => failures.push(error),
                }
            }
        }
    }
    let (mut pods, mut seen) = (Vec::new(), HashSet::new());
    for object in found {
        match object.pod(ask.container.as_deref()) {
            Ok(pod) if !seen.contains(&pod) => {
                seen.insert(pod.clone());
                pods.push(pod);
            }
            Ok(_) => {}
            Err(error) => failures.push(error),
        }
    }
    pods.arrange_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    Ok((pods, failures))
}

/// The pods of a namespace that were asked for, and what else was named and has no pods.
fn objects(ask: &Ask, namespace: Option<&str>) -> Result<Vec<Object>> {
    let mut found = Vec::new();
    if let Some(selector) = &ask.selector {
        found.extend(list(ask, namespace, &["pods", "-l", selector])?);
    }
    if ask.resources.is_empty() {
        return Ok(found);
    }
    let named = ask.resources.iter().map(|name| match name.contains('/') {
        true => name.clone(),
        false => format!("pod/{name}"),
    });
    let named: Vec<String> = named.collect();
    let words: Vec<&str> = named.iter().map(String::as_str).collect();
    for object in list(ask, namespace, &words)? {
        match object.selector() {
            None => found.push(object),
            Some(labels) => {
                let namespace = object.metadata.namespace.as_deref();
                found.extend(list(ask, namespace, &["pods", "-l", &labels])?);
            }
        }
    }
    Ok(found)
}

/// `kubectl get`, as objects.
fn list(ask: &Ask, namespace: Option<&str>, what: &[&str]) -> Result<Vec<Object>> {
    let mut command = ask.kubectl();
    command.arg("get").args(what).args(["-o", "json"]);
    match namespace {
        Some(namespace) => drop(command.args(["-n", namespace])),
        None if ask.everywhere => drop(command.arg("--all-namespaces")),
        None => {}
    }
    let name = format!("kubectl get {}", what.join(" "));
    let output = command.output().map_err(|cause| unanswered(&name, cause))?;
    if !output.status.success() {
        return Err(unanswered(&name, said(&output.stderr, output.status)));
    }
    let answer: Answer =
        serde_json::from_slice(&output.stdout).map_err(|cause| unanswered(&name, cause.into()))?;
    Ok(match answer {
        Answer::Many { items } => items,
        Answer::One(object) => vec![object],
    })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Many { items: Vec<Object> },
    One(Object),
}

#[derive(Deserialize)]
struct Object {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    namespace: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    containers: Vec<Named>,
    // Since Kubernetes 1.29 sidecars may be init containers that stay.
    #[serde(default)]
    init_containers: Vec<Named>,
    selector: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Deserialize)]
struct Expression {
    key: String,
    operator: String,
    #[serde(default)]
    values: Vec<String>,
}

impl Object {
    /// What stands behind the object, as `kubectl -l` takes it; `None` for a pod, and for what has no pods.
    fn selector(&self) -> Option<String> {
        if self.kind == "Pod" {
            return None;
        }
        let selector = self.spec.selector.clone()?;
        let equal = |(key, value): (String, String)| format!("{key}={value}");
        // A Service selects by plain labels, everything else by this or that.
        if let Ok(labels) = serde_json::from_value::<BTreeMap<String, String>>(selector.clone()) {
            return Some(labels.into_iter().map(equal).collect::<Vec<_>>().join(","));
        }
        let selector: Selector = serde_json::from_value(selector).ok()?;
        let labels = selector.match_labels.unwrap_or_default().into_iter().map(equal);
        let expressions = selector.match_expressions.unwrap_or_default();
        Some(labels.chain(expressions.iter().map(Expression::text)).collect::<Vec<_>>().join(","))
    }

    fn pod(self, container: Option<&str>) -> Result<Pod> {
        let namespace = self.metadata.namespace.unwrap_or_else(|| "default".to_owned());
        let name = self.metadata.name;
        let source = format!("{namespace}/{}/{name}", self.kind.to_lowercase());
        if self.kind != "Pod" {
            let cause = std::io::Error::other("it has no pods of its own");
            return Err(unanswered(&source, cause));
        }
        let spec = self.spec;
        let has: Vec<String> =
            spec.containers.into_iter().chain(spec.init_containers).map(|named| named.name).collect();
        let wanted = container.map_or_else(|| PROXIES.to_vec(), |name| vec![name]);
        match wanted.iter().find(|name| has.iter().any(|had| had == *name)) {
            Some(container) => Ok(Pod { namespace, name, container: (*container).to_owned() }),
            None => {
                let wanted = wanted.join(" or ");
                let cause = format!("it has no container {wanted}, only {}", has.join(", "));
                Err(unanswered(&source, std::io::Error::other(cause)))
            }
        }
    }
}

impl Expression {
    fn text(&self) -> String {
        let Expression { key, operator, values } = self;
        match operator.as_str() {
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            _ => format!("{key} in ({})", values.join(",")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object {
        serde_json::from_str(json).expect("an object")
    }

    #[test]
    fn what_selects_pods_is_read_as_labels() {
        let service = object(
            r#"{"kind":"Service","metadata":{"name":"web"},"spec":{"selector":{"app":"web","tier":"front"}}}"#,
        );
        assert_eq!(service.selector().as_deref(), Some("app=web,tier=front"));
        let deployment = object(
            r#"{"kind":"Deployment","metadata":{"name":"web"},"spec":{"selector":{"matchLabels":{"app":"web"},
            "matchExpressions":[{"key":"track","operator":"NotIn","values":["canary","dev"]},{"key":"old","operator":"DoesNotExist"}]}}}"#,
        );
        assert_eq!(deployment.selector().as_deref(), Some("app=web,track notin (canary,dev),!old"));
    }

    #[test]
    fn a_sidecar_is_found_among_both_kinds_of_containers() {
        let pod = r#"{"kind":"Pod","metadata":{"name":"web-1","namespace":"shop"},
            "spec":{"containers":[{"name":"app"}],"initContainers":[{"name":"istio-proxy"}]}}"#;
        assert_eq!(object(pod).pod(None).expect("a pod").source(), "shop/pod/web-1/istio-proxy");
        assert_eq!(object(pod).pod(Some("app")).expect("a pod").container, "app");
        let message = object(pod).pod(Some("envoy")).expect_err("no such container").to_string();
        assert!(message.contains("shop/pod/web-1") && message.contains("only app, istio-proxy"), "{message}");
    }
}
