//! Clients of other languages, started with exactly the lines that are printed for them.

use std::io::Write as _;
use std::path::Path;
use std::process::Output;

use tokio::process::Command;

use super::support::TestServer;
use crate::paste::shell_word;
use crate::{TRUST_STORE_PASSWORD, TrustBundle};

const JAVA: &str = r#"
import java.net.URI;
import java.net.http.*;
public class Main {
    public static void main(String[] arguments) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).build();
        HttpResponse<String> response =
            HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(response.version() + " " + response.statusCode() + " " + response.body());
    }
}
"#;

const PYTHON: &str = "import ssl, sys, urllib.request
context = ssl.create_default_context()
context.verify_flags |= ssl.VERIFY_X509_STRICT
print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())";

const NODE: &str = "fetch(process.argv[1]).then(async (r) => console.log(r.status, await r.text()))";

/// Whether the machine has `program`. If not, says so even where the test's output is captured.
async fn is_installed(program: &str) -> bool {
    let probe = Command::new("sh").arg("-c").arg(format!("command -v {program}")).output().await.unwrap();
    if !probe.status.success() {
        writeln!(std::io::stderr(), "NOT TESTED: this machine has no `{program}`").unwrap();
    }
    probe.status.success()
}

async fn shell(lines: &[String], command: &str) -> Output {
    let script = format!("{}\n{command}", lines.join("\n"));
    Command::new("sh").arg("-c").arg(script).env("no_proxy", "*").output().await.unwrap()
}

fn lines(bundle: &TrustBundle, client: &str) -> Vec<String> {
    bundle.paste_lines().into_iter().find(|paste| paste.client == client).unwrap().lines
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Runs `program` without and with the pasted lines: only the second may connect.
async fn check(program: &str, client: &str, file: (&str, &str), expected: &str) {
    if !is_installed(program).await {
        return;
    }
    let server = TestServer::start();
    let bundle = server.leaves.write_trust_bundle().unwrap();
    let argument = argument(server.folder.path(), file);
    let without = shell(&[], &format!("{program} {argument} {}", server.url("/peer"))).await;
    assert!(!without.status.success(), "trusted without the lines: {:?}", said(&without));
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let url = format!("https://{host}:{}/peer", server.address().port());
        let output = shell(&lines(&bundle, client), &format!("{program} {argument} {url}")).await;
        let (answer, errors) = said(&output);
        assert!(answer.starts_with(expected) && answer.contains("tls=true"), "{host}: {answer}\n{errors}");
    }
}

fn argument(folder: &Path, (name, content): (&str, &str)) -> String {
    if name.starts_with('-') {
        return format!("{name} {}", shell_word(content));
    }
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    shell_word(&path.display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn java_trusts_the_server_with_the_pasted_lines() {
    check("java", "Java", ("Main.java", JAVA), "HTTP_2 200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn python_trusts_the_server_with_the_pasted_lines_even_when_strict() {
    check("python3", "Python", ("-c", PYTHON), "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_trusts_the_server_with_the_pasted_lines() {
    check("node", "Node.js", ("-e", NODE), "200").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keytool_lists_trusted_certificates() {
    if !is_installed("keytool").await {
        return;
    }
    let server = TestServer::start();
    let bundle = server.leaves.write_trust_bundle().unwrap();
    let store = shell_word(&bundle.p12_file().display().to_string());
    let output =
        shell(&[], &format!("keytool -list -keystore {store} -storepass {TRUST_STORE_PASSWORD}")).await;
    let (listed, errors) = said(&output);
    let trusted = listed.lines().filter(|line| line.contains("trustedCertEntry")).count();
    assert_eq!(trusted, bundle.authorities().len(), "{listed}\n{errors}");
    let own = listed.lines().find(|line| line.starts_with("trunkline,"));
    assert!(own.is_some_and(|line| line.contains("trustedCertEntry")), "{listed}\n{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_openssl_accept_both_versions_of_http_and_tls() {
    let server = TestServer::start();
    let bundle = server.leaves.write_trust_bundle().unwrap();
    let trust = shell_word(&bundle.pem_file().display().to_string());
    if is_installed("curl").await {
        for version in ["--http1.1", "--http2", "--tls-max 1.2"] {
            let command = format!("curl -sS {version} --cacert {trust} {}", server.url("/peer"));
            let (answer, errors) = said(&shell(&[], &command).await);
            assert!(answer.contains("tls=true"), "{version}: {answer}\n{errors}");
        }
    }
    if is_installed("openssl").await {
        for (name, is_fine) in [("demo.localhost", true), ("other.localhost", false)] {
            let command = format!(
                "openssl s_client -connect {} -servername {name} -verify_hostname {name} -CAfile {trust} \
                 -x509_strict -verify_return_error -brief </dev/null",
                server.address()
            );
            let output = shell(&[], &command).await;
            assert_eq!(output.status.success(), is_fine, "{name}: {:?}", said(&output));
        }
    }
}
