//! A server at an `https` address: its certificate is judged by the authorities of the machine, or of `SSL_CERT_FILE`.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use store::{Store, StoreConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::Host;

/// Tells [`asking`] where the server is; without it, it is no case.
const SERVER: &str = "FOOTFALL_TEST_SERVER";

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_accepted_and_no_other() {
    let host = Host::start();
    let directory = tempfile::tempdir().unwrap();
    certify(directory.path());
    let url = terminator(directory.path(), &host.url).await;
    let trusted = directory.path().join("authority.pem");
    let said = ask(url.clone(), trusted).await;
    assert!(said.contains("asked: Ok"), "{said}");
    assert_eq!(host.ask("SELECT count() > 0 FROM counts FORMAT Null").await, "", "it was migrated over TLS");
    // A file of another authority: the same certificate is nobody's.
    let others = tempfile::tempdir().unwrap();
    certify(others.path());
    let said = ask(url, others.path().join("authority.pem")).await;
    assert!(said.contains("asked: Err") && said.contains("certificate") && said.contains("retry true"), "{said}");
}

/// Asks from a process of its own, because the file of authorities stands in its environment.
async fn ask(url: String, authorities: std::path::PathBuf) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "https::asking", "--nocapture"]).env(SERVER, url).env("SSL_CERT_FILE", authorities);
    let output = tokio::task::spawn_blocking(move || child.output().unwrap()).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Not a case of its own: the client that the case above starts.
#[tokio::test]
async fn asking() {
    let Ok(url) = std::env::var(SERVER) else { return };
    let store = Store::connect(&StoreConfig {
        url,
        database: "footfall".to_owned(),
        user: "default".to_owned(),
        password: String::new(),
    });
    match store.migrate().await {
        Ok(()) => println!("asked: Ok"),
        Err(error) => println!("asked: Err {error}, retry {}", error.retry()),
    }
}

/// An authority, and a certificate of its for `localhost`.
fn certify(directory: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output();
        let output = output.expect("openssl makes the certificates of this test");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout authority.key -out authority.pem -days 2 -subj /CN=authority"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    std::fs::write(directory.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
}

/// Speaks TLS to clients and passes on to the engine what they say.
async fn terminator(directory: &Path, engine: &str) -> String {
    let certificate = CertificateDer::from_pem_file(directory.join("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(directory.join("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let engine = engine.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, engine) = (acceptor.clone(), engine.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(engine).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    url
}
