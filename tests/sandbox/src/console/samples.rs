//! Requests to start with one button: each shows an authenticator one thing it has to get right.

/// A prepared request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// Its name in the form.
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) binding_message: &'static str,
    /// `authorization_details` as sent, byte for byte.
    pub(super) details: Option<&'static str>,
}

pub(super) fn find(name: &str) -> Option<&'static Sample> {
    SAMPLES.iter().find(|sample| sample.name == name)
}

pub(super) const SAMPLES: &[Sample] = &[
    Sample {
        name: "payment",
        title: "Payment",
        about: "249.00 EUR to ExampleCorp",
        binding_message: "Order 4711",
        details: Some(
            r#"[{"type":"payment_initiation","actions":["initiate","status"],"locations":["https://api.bank.example/payments"],"instructedAmount":{"currency":"EUR","amount":"249.00"},"creditorName":"ExampleCorp","creditorAccount":{"iban":"DE02120300000000202051"},"remittanceInformationUnstructured":"Invoice 2026-0815"}]"#,
        ),
    },
    Sample {
        name: "transfer",
        title: "Money transfer",
        about: "2500 USD, as a JSON number",
        binding_message: "Transfer TX-4711",
        details: Some(
            r#"[{"type":"money_transfer","instructedAmount":{"amount":2500,"currency":"USD"},"sourceAccount":"xxxxxxxxxxx1234","destinationAccount":"xxxxxxxxxxx9876","beneficiary":"Hanna Herwitz","subject":"Rent March"}]"#,
        ),
    },
    Sample {
        name: "accounts",
        title: "Account information",
        about: "Read balances and transactions",
        binding_message: "Link budget app",
        details: Some(
            r#"[{"type":"account_information","actions":["list_accounts","read_balances","read_transactions"],"locations":["https://api.bank.example/accounts"],"datatypes":["balance","transaction"]}]"#,
        ),
    },
    Sample {
        name: "several",
        title: "Several details",
        about: "Two transfers in one request",
        binding_message: "Payroll March",
        details: Some(
            r#"[{"type":"money_transfer","instructedAmount":{"amount":1800.50,"currency":"EUR"},"beneficiary":"Ana Ruiz"},{"type":"money_transfer","instructedAmount":{"amount":1925,"currency":"EUR"},"beneficiary":"Ben Okafor"}]"#,
        ),
    },
    Sample {
        name: "documents",
        title: "Document signing",
        about: "Two documents by their digests",
        binding_message: "Sign lease 88-B",
        details: Some(
            r#"[{"type":"credential","credentialID":"cred-60916b","signatureQualifier":"eu_eidas_qes","documentDigests":[{"label":"Lease 88-B.pdf","hash":"sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI="},{"label":"House rules.pdf","hash":"HZQzZmMAIWekfGH0/ZKW1nsdt0xg3H6bZYztgsMTLw0="}],"hashAlgorithmOID":"2.16.840.1.101.3.4.2.1"}]"#,
        ),
    },
    Sample {
        name: "unknown",
        title: "Unknown type",
        about: "A type that no template knows",
        binding_message: "Open gate 7",
        details: Some(
            r#"[{"type":"gate_access","gate":7,"from":"2026-03-01T08:00:00Z","vehicle":{"plate":"B-EX 2026","height_m":2.10},"escorted":false}]"#,
        ),
    },
    Sample {
        name: "message",
        title: "Binding message only",
        about: "No details: a plain login",
        binding_message: "Login 83-52",
        details: None,
    },
    Sample {
        name: "hidden",
        title: "Hidden characters",
        about: "A recipient that reads backwards",
        binding_message: "Order 4712",
        details: Some(
            "[{\"type\":\"payment_initiation\",\"instructedAmount\":{\"currency\":\"EUR\",\"amount\":\"19.90\"},\"creditorName\":\"Example\u{200b}Corp \u{202e}dtL\u{202c}\",\"creditorAccount\":{\"iban\":\"DE02120300000000202051\"},\"remittanceInformationUnstructured\":\"pаypal.example\"}]",
        ),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_within_the_limits_of_the_provider() {
        for sample in SAMPLES {
            assert!(sample.binding_message.len() <= 64);
            let Some(details) = sample.details else {
                continue;
            };
            let list: Vec<serde_json::Map<String, serde_json::Value>> =
                serde_json::from_str(details).unwrap();
            assert!(
                list.iter()
                    .all(|object| object["type"].is_string() && object.len() <= 10),
                "{}",
                sample.name
            );
        }
    }

    #[test]
    fn names_are_unique() {
        for sample in SAMPLES {
            assert_eq!(find(sample.name), Some(sample));
        }
    }
}
