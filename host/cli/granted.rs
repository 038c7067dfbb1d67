//! What a function is granted, told in the manifest's words: a line for each grant.

use stepyard_wasm::{Access, BucketGrant, Grants, HttpGrant};

/// The grants, each as it would stand in the manifest.
pub(crate) fn granted(grants: &Grants) -> Vec<String> {
    let buckets = grants.keyvalue.iter().map(|grant| format!("keyvalue = [{}]", bucket(grant)));
    let config = grants.config.iter().map(|settings| {
        let settings = settings.iter().map(|(key, value)| format!("{key} = {value:?}"));
        format!("config = {}", table(settings.collect()))
    });
    let http = grants.http.iter().map(|grant| format!("http = [{}]", http(grant)));
    let mail = grants.mail.iter().map(|recipient| format!("mail = [{recipient:?}]"));
    buckets.chain(config).chain(http).chain(mail).collect()
}

fn bucket(grant: &BucketGrant) -> String {
    match grant.access {
        Access::ReadWrite => format!("{:?}", grant.bucket),
        Access::Read => format!("{{ bucket = {:?}, access = \"read\" }}", grant.bucket),
    }
}

fn http(grant: &HttpGrant) -> String {
    let HttpGrant { scheme, host, port, methods, addresses, path_prefix, headers } = grant;
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = path_prefix.as_deref().unwrap_or("/");
    let mut members = vec![format!("url = \"{scheme}://{host}{port}{path}\"")];
    if !methods.is_empty() {
        members.push(format!("methods = {methods:?}"));
    }
    if !addresses.is_empty() {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        members.push(format!("addresses = {addresses:?}"));
    }
    if !headers.is_empty() {
        let header = headers.iter().map(|(name, header)| {
            let value = header.format.replace("{}", &format!("{{{}}}", header.secret));
            format!("{name} = {value:?}")
        });
        members.push(format!("headers = {}", table(header.collect())));
    }
    table(members)
}

fn table(members: Vec<String>) -> String {
    if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{grants::grants, manifest::Manifest};

    #[test]
    fn grants_are_told_as_the_manifest_has_them() {
        let lines = [
            r#"keyvalue = ["stock"]"#,
            r#"keyvalue = [{ bucket = "ledger", access = "read" }]"#,
            r#"config = { sender = "shop@example.com" }"#,
            r#"http = [{ url = "https://api.example.com/v1", methods = ["GET", "POST"], headers = { Authorization = "Bearer {KEY}" } }]"#,
            r#"http = [{ url = "http://stock.internal:8080/", addresses = ["10.0.0.5", "fd00::5"] }]"#,
            r#"mail = ["*@example.com"]"#,
        ];
        let [stock, ledger, config, api, internal, mail] =
            lines.map(|line| line.split_once(" = ").unwrap().1);
        let inner = |list: &str| list[1..list.len() - 1].to_owned();
        let text = format!(
            "[secrets.KEY]\nenv = \"KEY\"\n[functions.F]\nstep = \"f\"\n[functions.F.grants]\n\
             keyvalue = [{}, {}]\nconfig = {config}\nhttp = [{}, {}]\nmail = {mail}\n",
            inner(stock),
            inner(ledger),
            inner(api),
            inner(internal)
        );
        let manifest = Manifest::parse(Path::new("stepyard.toml"), &text).unwrap();
        let read = grants(&manifest.functions["F"].grants).unwrap();
        assert_eq!(granted(&read), lines);
        assert_eq!(granted(&Grants::default()), [] as [&str; 0]);
    }
}
