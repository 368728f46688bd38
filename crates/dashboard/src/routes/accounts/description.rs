//! What `/api/openapi.json` says of accounts: a line for each method of each path, and the schemas beside this crate's sources.
//!
//! The tests that try every endpoint as everybody walk the description, so that one without a test fails.

use serde_json::{Map, Value, json};

/// Schemas, parameters and responses.
const SCHEMAS: &str = include_str!("../../../openapi-accounts.json");

/// One thing that can be asked.
struct Endpoint {
    /// In lower case.
    method: &'static str,
    path: &'static str,
    /// What it is for.
    summary: &'static str,
    /// The parameters in its URL, by their names in the description.
    parameters: &'static [&'static str],
    /// The schema of its body.
    takes: Option<&'static str>,
    /// The schema of its answer; without one it is 204.
    answer: Option<&'static str>,
    /// The status of its good answer.
    status: u16,
}

const fn one(method: &'static str, path: &'static str, summary: &'static str) -> Endpoint {
    Endpoint { method, path, summary, parameters: &[], takes: None, answer: None, status: 204 }
}

impl Endpoint {
    const fn with(self, parameters: &'static [&'static str]) -> Self {
        Self { parameters, ..self }
    }

    const fn takes(self, schema: &'static str) -> Self {
        Self { takes: Some(schema), ..self }
    }

    const fn answers(self, status: u16, schema: &'static str) -> Self {
        Self { answer: Some(schema), status, ..self }
    }
}

/// All of them.
const ENDPOINTS: [Endpoint; 31] = [
    one("get", "/api/session", "Who asks, and what they may do").answers(200, "WhoAmI"),
    one("post", "/api/session", "Sign in").takes("Credentials").answers(200, "SignedIn"),
    one("delete", "/api/session", "Sign out"),
    one("post", "/api/setup", "Make the first account, with the administrator's token, and sign in")
        .takes("Credentials")
        .answers(200, "SignedIn"),
    one("get", "/api/sessions", "Your sessions").answers(200, "Sessions"),
    one("delete", "/api/sessions", "End all your sessions but this one"),
    one("delete", "/api/sessions/{id}", "End one of your sessions").with(&["Id"]),
    one("post", "/api/password", "Change your password; your other sessions end").takes("NewPassword"),
    one("get", "/api/users", "The users, or those of the sites that you administer").answers(200, "Users"),
    one("post", "/api/users", "Add a user").takes("NewUser").answers(201, "AddedUser"),
    one("put", "/api/users/{login}", "Let a user in no more, or again").with(&["Login"]).takes("UserChange"),
    one("delete", "/api/users/{login}", "Remove a user with all that is theirs").with(&["Login"]),
    one("delete", "/api/users/{login}/sessions", "End all sessions of a user").with(&["Login"]),
    one("post", "/api/users/{login}/password", "Give a user a password that has to be changed first")
        .with(&["Login"])
        .takes("GivenPassword"),
    one("put", "/api/users/{login}/grants", "Grant a role").with(&["Login"]).takes("Grant"),
    one("delete", "/api/users/{login}/grants", "Take a role back").with(&["Login", "GrantRole", "GrantSite"]),
    one("get", "/api/tokens", "Your API tokens; all of them for an operator").answers(200, "Tokens"),
    one("post", "/api/tokens", "Make an API token; its secret is told this once")
        .takes("NewToken")
        .answers(201, "MadeToken"),
    one("delete", "/api/tokens/{id}", "Revoke an API token").with(&["Id"]),
    one("get", "/api/audit", "The audit log, newest first; as a table with `Accept: text/csv`")
        .with(&["AuditSite", "AuditBefore", "AuditLimit"])
        .answers(200, "Audit"),
    one("post", "/api/share", "Follow a shared link: what it shows, and the token to ask with")
        .takes("Following")
        .answers(200, "Opened"),
    one("get", "/api/sites/{site}/shares", "The shared links of a site").with(&["Site"]).answers(200, "Shares"),
    one("post", "/api/sites/{site}/shares", "Share reports of a site by a link, which is told this once")
        .with(&["Site"])
        .takes("NewShare")
        .answers(201, "MadeShare"),
    one("put", "/api/sites/{site}/shares/{id}", "What a shared link shows from now on; the link stays")
        .with(&["Site", "Id"])
        .takes("NewShare")
        .answers(200, "Share"),
    one("delete", "/api/sites/{site}/shares/{id}", "Take a shared link back").with(&["Site", "Id"]),
    one(
        "post",
        "/api/sites/{site}/shares/{id}/link",
        "Another link in the place of the one before, which opens nothing any more",
    )
    .with(&["Site", "Id"])
    .answers(200, "MadeShare"),
    one("get", "/api/sites/{site}/reports", "The reports of a site that are sent by e-mail")
        .with(&["Site"])
        .answers(200, "Mailings"),
    one("post", "/api/sites/{site}/reports", "Send a report by e-mail, from the next period that ends on")
        .with(&["Site"])
        .takes("NewMailing")
        .answers(201, "Mailing"),
    one("delete", "/api/sites/{site}/reports/{id}", "Send a report no more").with(&["Site", "Id"]),
    one("post", "/api/sites/{site}/reports/{id}/test", "Send the last period's report now, as a test")
        .with(&["Site", "Id"])
        .answers(200, "SentMails"),
    one("put", "/api/sites/{site}/public", "Let everybody read a site's reports, or only those who may")
        .with(&["Site"])
        .takes("Publicity"),
];

/// Adds them to the description.
pub(in crate::routes) fn add(paths: &mut Map<String, Value>, document: &mut Value) {
    let more: Value = serde_json::from_str(SCHEMAS).unwrap_or_default();
    for kind in ["schemas", "parameters", "responses", "securitySchemes"] {
        let known = document.pointer_mut(&format!("/components/{kind}")).and_then(Value::as_object_mut);
        if let (Some(known), Some(more)) = (known, more.get(kind).and_then(Value::as_object)) {
            known.extend(more.clone());
        }
    }
    if let Some(security) = document.get_mut("security").and_then(Value::as_array_mut) {
        security.insert(0, json!({ "session": [] }));
    }
    for endpoint in &ENDPOINTS {
        let operations = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(operations) = operations.as_object_mut() {
            operations.insert(endpoint.method.to_owned(), operation(endpoint));
        }
    }
}

fn operation(endpoint: &Endpoint) -> Value {
    let Endpoint { method, summary, parameters, takes, answer, status, .. } = endpoint;
    let content =
        |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    let response = |name: &str| json!({ "$ref": format!("#/components/responses/{name}") });
    let mut responses = Map::new();
    let good = match answer {
        Some(answer) => json!({ "description": "The answer", "content": content(answer) }),
        None => json!({ "description": "Done" }),
    };
    responses.insert(status.to_string(), good);
    for (code, name) in [("401", "Unauthorised"), ("403", "Forbidden"), ("503", "Busy")] {
        responses.insert(code.to_owned(), response(name));
    }
    if takes.is_some() || !parameters.is_empty() {
        responses.insert("400".to_owned(), response("Problem"));
    }
    if takes.is_some() {
        for code in ["413", "415"] {
            responses.insert(code.to_owned(), response("Problem"));
        }
    }
    if matches!(takes, Some("Credentials" | "NewPassword" | "Following")) {
        responses.insert("429".to_owned(), response("Waits"));
    }
    if parameters.iter().any(|parameter| matches!(*parameter, "Id" | "Login" | "Site")) || *takes == Some("Following") {
        responses.insert("404".to_owned(), response("NotThere"));
    }
    let parameters = parameters.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") }));
    let mut parameters: Vec<Value> = parameters.collect();
    if *method != "get" {
        parameters.push(json!({ "$ref": "#/components/parameters/Csrf" }));
    }
    let mut operation = json!({ "summary": summary, "responses": responses });
    if let Some(operation) = operation.as_object_mut() {
        if !parameters.is_empty() {
            operation.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(schema) = takes {
            operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content(schema) }));
        }
    }
    operation
}
