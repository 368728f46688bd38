//! The README as a newcomer follows it: its commands, one after the other, in an empty directory.

use std::path::Path;
use std::process::Command;

use crate::harness::{Server, eventually, footfall};

/// The lines of the shell blocks under a heading, without their comments.
fn commands(heading: &str) -> Vec<String> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let section = readme.split(&format!("## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).map(|line| line.split("     #").next().unwrap().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_readmes_commands_work_one_after_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut token = None;
    let here = |mut command: Command, token: &Option<String>| {
        command.current_dir(at).env_remove("FOOTFALL_TOKEN").envs(token.iter().map(|token| ("FOOTFALL_TOKEN", token)));
        command.env("FOOTFALL_LISTEN", &listen).env("FOOTFALL_FLUSH", "200ms");
        command
    };
    let mut yesterday = Command::new("date");
    yesterday.env("LC_ALL", "C").args(["-u", "-d", "-1 day", "+%d/%b/%Y:%H:%M:%S +0000"]);
    let when = String::from_utf8(yesterday.output().unwrap().stdout).unwrap();
    let when = when.trim();
    let line = |host: u8, page: &str| {
        format!("192.0.2.{host} - - [{when}] \"GET {page} HTTP/1.1\" 200 512 \"-\" \"{}\"\n", crate::harness::AGENT)
    };
    std::fs::write(at.join("access.log"), line(1, "/pricing") + &line(2, "/pricing")).unwrap();
    std::fs::write(at.join("access.log.1"), line(3, "/docs")).unwrap();
    assert!(Command::new("gzip").arg("access.log.1").current_dir(at).status().unwrap().success());

    let mut server = None;
    for asked in commands("Measure a site") {
        let (program, arguments) = asked.split_once(' ').unwrap();
        assert_eq!(program, "footfall", "{asked}");
        let mut command = here(footfall(), &token);
        command.args(arguments.split(' '));
        if arguments == "serve" {
            server = Some(Server::logging(&mut command, &at.join("serve")));
        } else {
            let output = command.output().unwrap();
            assert!(output.status.success(), "{asked}: {output:?}");
        }
    }
    let server = server.expect("it says how to serve");
    let said = || std::fs::read_to_string(at.join("serve.err")).unwrap();
    let shown = eventually("the token", || said().split_once("shown this once: ").map(|(_, rest)| rest.to_owned()));
    let mut answers = Vec::new();
    for asked in commands("Ask") {
        if asked.starts_with("export FOOTFALL_TOKEN=") {
            token = Some(shown.lines().next().unwrap().to_owned());
            continue;
        }
        let binary = Path::new(env!("CARGO_BIN_EXE_footfall")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let mut command = here(Command::new("bash"), &token);
        let asked = asked.replace("127.0.0.1:8080", &listen);
        let output = command.env("PATH", path).args(["-c", &asked]).output().unwrap();
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{asked}: {stdout}{stderr}");
        answers.push((asked, stdout.into_owned()));
    }
    let answer = |to: &str| &answers.iter().find(|(asked, _)| asked.contains(to)).unwrap().1;
    assert!(answer("import").contains("3  counted"), "{}", answer("import"));
    assert!(answer("by event:page").contains("/pricing"), "{}", answer("by event:page"));
    drop(server);
}
