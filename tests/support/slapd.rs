//! An OpenLDAP server of a test's own, on free ports of loopback, in a folder for temporary files: memberOf overlay, TLS by a
//! certificate of its own, and nobody else's business.

use std::collections::HashSet;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings};
use tempfile::TempDir;

pub(crate) struct Slapd {
    directory: TempDir,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    process: Option<Child>,
}

impl Slapd {
    /// `None`, and a word about it, where no slapd is installed.
    pub(crate) async fn start() -> Option<Self> {
        let Some(_) = program() else {
            eprintln!("SKIPPED: there is no slapd; apt-get install slapd");
            return None;
        };
        let directory = tempfile::Builder::new().prefix("perch-slapd-").tempdir().unwrap();
        std::fs::create_dir(directory.path().join("db")).unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(directory.path().join("certificate.pem"), made.cert.pem()).unwrap();
        std::fs::write(directory.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let [port, tls_port] = free_ports();
        let mut server = Self { directory, port, tls_port, process: None };
        server.restart("").await;
        let mut client = server.client().await;
        add(
            &mut client,
            BASE,
            &[("objectClass", &["dcObject", "organization"]), ("dc", &["perch"]), ("o", &["perch"])],
        )
        .await;
        add(&mut client, PEOPLE, &[("objectClass", &["organizationalUnit"]), ("ou", &["People"])]).await;
        add(&mut client, GROUPS, &[("objectClass", &["organizationalUnit"]), ("ou", &["Groups"])]).await;
        let reader = [
            ("objectClass", &["applicationProcess", "simpleSecurityObject"][..]),
            ("cn", &["reader"]),
            ("userPassword", &["reading"]),
        ];
        add(&mut client, READER, &reader).await;
        Some(server)
    }

    /// Starts it (again), with a line more in its configuration.
    pub(crate) async fn restart(&mut self, more: &str) {
        self.stop();
        let folder = self.directory.path().display();
        let configuration = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             moduleload memberof\nmoduleload refint\npidfile {folder}/pid\n\
             TLSCertificateFile {folder}/certificate.pem\nTLSCertificateKeyFile {folder}/key.pem\n\
             database mdb\nsuffix \"{BASE}\"\nrootdn \"{ADMIN}\"\nrootpw {ADMIN_PASSWORD}\ndirectory {folder}/db\n\
             {more}\naccess to attrs=userPassword by anonymous auth by * none\naccess to * by users read by * none\n\
             overlay memberof\nmemberof-refint TRUE\noverlay refint\nrefint_attributes member\n"
        );
        let file = self.directory.path().join("slapd.conf");
        std::fs::write(&file, configuration).unwrap();
        let urls = format!("ldap://127.0.0.1:{} ldaps://127.0.0.1:{}", self.port, self.tls_port);
        let process = Command::new(program().unwrap())
            .args(["-d", "0", "-h", &urls, "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        for port in [self.port, self.tls_port] {
            let mut attempts = 0;
            while TcpStream::connect(("127.0.0.1", port)).is_err() {
                attempts += 1;
                assert!(attempts < 400, "slapd does not listen");
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// The file with the password of [`READER`].
    pub(crate) fn password_file(&self) -> PathBuf {
        let file = self.directory.path().join("password");
        std::fs::write(&file, "reading\n").unwrap();
        file
    }

    /// Somebody who may change everything.
    pub(crate) async fn client(&self) -> Ldap {
        let url = format!("ldap://127.0.0.1:{}", self.port);
        let (connection, mut client) =
            LdapConnAsync::with_settings(LdapConnSettings::new(), &url).await.unwrap();
        tokio::spawn(connection.drive());
        client.simple_bind(ADMIN, ADMIN_PASSWORD).await.unwrap().success().unwrap();
        client
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) async fn add(client: &mut Ldap, dn: &str, attributes: &[(&str, &[&str])]) {
    let attributes = attributes.iter().map(|(name, values)| {
        (name.to_string(), values.iter().map(|value| value.to_string()).collect::<HashSet<_>>())
    });
    client.add(dn, attributes.collect()).await.unwrap().success().unwrap();
}

pub(crate) async fn add_user(client: &mut Ldap, name: &str) {
    let class = ["inetOrgPerson"];
    let attributes: [(&str, &[&str]); 5] = [
        ("objectClass", &class),
        ("uid", &[name]),
        ("cn", &[name]),
        ("sn", &[name]),
        ("userPassword", &["secret"]),
    ];
    add(client, &user(name), &attributes).await;
}

pub(crate) async fn add_group(client: &mut Ldap, name: &str, members: &[String]) {
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    add(client, &group(name), &[("objectClass", &["groupOfNames"]), ("cn", &[name]), ("member", &members)])
        .await;
}

pub(crate) fn user(name: &str) -> String {
    format!("uid={name},{PEOPLE}")
}

pub(crate) fn group(name: &str) -> String {
    format!("cn={name},{GROUPS}")
}

fn program() -> Option<&'static str> {
    ["/usr/sbin/slapd", "/usr/local/libexec/slapd"].into_iter().find(|path| Path::new(path).exists())
}

/// Two of them: both are taken before one is let go.
fn free_ports() -> [u16; 2] {
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    taken.map(|listener| listener.local_addr().unwrap().port())
}

pub(crate) const BASE: &str = "dc=perch,dc=test";
pub(crate) const PEOPLE: &str = "ou=People,dc=perch,dc=test";
pub(crate) const GROUPS: &str = "ou=Groups,dc=perch,dc=test";
pub(crate) const READER: &str = "cn=reader,dc=perch,dc=test";
const ADMIN: &str = "cn=admin,dc=perch,dc=test";
const ADMIN_PASSWORD: &str = "administering";
