//! What a person sees of each kind of request, and what cannot be approved.

use authenticator_core::{Approval, ErrorCode, MarkCode, Review, UnknownTypes};
use e2e::{Agent, Phone, PhoneBuilder, options, payment, rows, start, text, typed};
use sandbox::{PathClass, Sandbox};
use serde_json::{Value, json};

async fn review_of(sandbox: &Sandbox, phone: &mut Phone, details: Value) -> Review {
    Agent::new(sandbox)
        .ask_for(&sandbox.ready().user_id, Some(&details), &[])
        .await;
    phone.review().await
}

fn marks(review: &Review) -> Vec<MarkCode> {
    let whole = review.marks.iter().map(|m| m.code);
    whole
        .chain(
            rows(review)
                .iter()
                .flat_map(|row| row.marks.iter().map(|m| m.code)),
        )
        .collect()
}

#[tokio::test]
async fn each_built_in_type_is_shown_in_its_own_words() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;

    let transfer = json!([{ "type": "money_transfer", "instructedAmount": { "amount": 2500, "currency": "USD" },
        "sourceAccount": "xxxx-1234", "destinationAccount": "xxxx-9876", "beneficiary": "Hanna Herwitz", "subject": "A gift" }]);
    let review = review_of(&sandbox, &mut phone, transfer).await;
    assert_eq!(review.headline, "Pay 2,500.00 USD to Hanna Herwitz");
    assert_eq!(text(&review, "Amount"), "2,500.00 USD");

    let account = json!([{ "type": "account_information", "actions": ["list_accounts", "read_balances"],
        "locations": ["https://api.bank.example/accounts"] }]);
    let review = review_of(&sandbox, &mut phone, account).await;
    assert!(
        rows(&review)
            .iter()
            .any(|row| row.text.contains("read_balances"))
    );
    assert!(!marks(&review).contains(&MarkCode::UnknownType));

    let contract = json!([{ "type": "sign", "signatureQualifier": "eu_eidas_qes", "credentialID": "GX0112348",
        "documentDigests": [{ "hash": "sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=", "label": "Contract 42" }],
        "hashAlgorithmOID": "2.16.840.1.101.3.4.2.1" }]);
    let review = review_of(&sandbox, &mut phone, contract).await;
    assert!(
        rows(&review)
            .iter()
            .any(|row| row.text.contains("Contract 42") && row.text.contains("sTOg wOm+ 474g")),
        "{:?}",
        rows(&review)
    );
    assert_eq!(review.approval, Approval::Allowed);

    let own = json!([{ "type": "urn:auth0:schemas:authorization-details:v1:example", "instruction": "Please approve",
        "properties": { "b": { "display": true, "name": "Seat", "display_order": "2", "value": "12A" },
                        "a": { "display": true, "name": "Flight", "display_order": 1, "value": "EX 42" },
                        "c": { "display": false, "name": "ref", "display_order": 3, "value": "internal-7" } } }]);
    let review = review_of(&sandbox, &mut phone, own).await;
    assert!(
        !review.headline.contains("Please approve"),
        "{}",
        review.headline
    );
    let order: Vec<&str> = rows(&review)
        .iter()
        .map(|row| row.text.as_str())
        .filter(|t| ["EX 42", "12A", "internal-7"].contains(t))
        .collect();
    assert_eq!(order, ["EX 42", "12A", "internal-7"]);
    assert!(marks(&review).contains(&MarkCode::HiddenBySender));
    sandbox.stop().await;
}

#[tokio::test]
async fn an_unknown_type_is_shown_whole_and_marked_or_blocked_by_configuration() {
    let sandbox = start(options()).await;
    sandbox.knobs().update(|k| k.unknown_rar_type = true);
    let details = json!([{ "type": "rocket_launch", "site": { "name": "Kourou", "pad": 4 }, "crew": ["Ada", "Bo"], "armed": true }]);
    let mut phone = Phone::ready(&sandbox).await;
    let review = review_of(&sandbox, &mut phone, details.clone()).await;
    assert!(marks(&review).contains(&MarkCode::UnknownType));
    for shown in ["Kourou", "4"] {
        assert!(
            rows(&review).iter().any(|row| row.text == shown),
            "{shown} is not shown"
        );
    }
    assert!(
        rows(&review)
            .iter()
            .any(|row| row.text.contains("Ada") && row.text.contains("Bo"))
            || rows(&review).iter().any(|r| r.text == "Ada")
    );

    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.unknown_types = UnknownTypes::Block;
    let mut strict = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let review = review_of(&sandbox, &mut strict, details).await;
    assert!(
        matches!(
            review.approval,
            Approval::Blocked {
                reason: MarkCode::UnknownType,
                ..
            }
        ),
        "{:?}",
        review.approval
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_payment_without_a_recipient_cannot_be_approved() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let details = json!([{ "type": "payment_initiation", "instructedAmount": { "currency": "EUR", "amount": "249.00" } }]);
    let review = review_of(&sandbox, &mut phone, details).await;
    assert_eq!(
        review.approval,
        Approval::Blocked {
            reason: MarkCode::IncompleteDetails,
            text: "Missing or wrong: creditorName. It can only be denied.".into(),
        }
    );
    let error = phone
        .app
        .approve(review.challenge.clone(), review.digest, None)
        .await
        .expect_err("blocked");
    assert_eq!(error.code(), ErrorCode::ApprovalBlocked);
    phone
        .app
        .deny(review.challenge, None, None)
        .await
        .expect("denying is always possible");
    sandbox.stop().await;
}

#[tokio::test]
async fn several_details_are_all_shown_and_counted() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let mut details = payment();
    let mut second = details[0].clone();
    second["creditorName"] = "OtherCorp".into();
    details.as_array_mut().expect("an array").push(second);
    let review = review_of(&sandbox, &mut phone, details).await;
    assert!(marks(&review).contains(&MarkCode::SeveralDetails));
    for name in ["ExampleCorp", "OtherCorp"] {
        assert!(rows(&review).iter().any(|row| row.text == name));
    }
    assert!(review.headline.contains('2'), "{}", review.headline);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_ambiguous_number_blocks_approval() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    // Written as text, so that no JSON library of the test rounds it.
    let details = r#"[{"type":"account_information","actions":["read"],"identifier":"x","limit":9007199254740993}]"#;
    let request = [
        ("authorization_details", details),
        ("audience", &sandbox.ready().audience),
    ];
    Agent::new(&sandbox)
        .ask_for(&sandbox.ready().user_id, None, &request)
        .await;
    let review = phone.review().await;
    assert!(
        matches!(
            review.approval,
            Approval::Blocked {
                reason: MarkCode::AmbiguousNumber,
                ..
            }
        ),
        "{:?}",
        review.approval
    );
    assert!(
        rows(&review)
            .iter()
            .any(|row| row.text.replace(',', "").contains("9007199254740993"))
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn hidden_characters_are_made_visible() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let mut details = payment();
    details[0]["creditorName"] = "Example\u{202e}proC\u{200b}".into();
    let review = review_of(&sandbox, &mut phone, details).await;
    assert!(marks(&review).contains(&MarkCode::HiddenDirection));
    let printed: String = rows(&review)
        .iter()
        .flat_map(|row| [row.label.as_str(), &row.text])
        .chain([review.headline.as_str()])
        .collect();
    assert!(
        printed.contains("⟨RLO⟩") && !printed.contains('\u{202e}') && !printed.contains('\u{200b}')
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn details_that_were_promised_and_are_missing_allow_denying_only() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    sandbox.knobs().update(|k| k.consent_404 = true);
    let review = phone.review().await;
    assert!(
        matches!(
            review.approval,
            Approval::Blocked {
                reason: MarkCode::DetailsUnavailable,
                ..
            }
        ),
        "{:?}",
        review.approval
    );
    let error = phone
        .app
        .approve(review.challenge.clone(), review.digest.clone(), None)
        .await
        .expect_err("blocked");
    assert_eq!(error.code(), ErrorCode::ApprovalBlocked);
    phone
        .app
        .deny(review.challenge, Some(review.digest), None)
        .await
        .expect("deny");
    agent.refused(&request, "access_denied").await;
    // Nothing is claimed of details that nobody saw, and what was on the screen is kept.
    let checked = sandbox.snapshot().requests[0].signed_consent;
    assert_eq!(checked, Some(sandbox::ConsentCheck::NotReviewed));
    let history = phone.app.history(None, None, 1).await.expect("history");
    let shown = history[0].shown_document.as_deref().unwrap_or_default();
    assert!(shown.contains(&review.headline) && shown.contains("details_unavailable"));
    let report = phone
        .app
        .verify_history(history[0].enrollment.clone())
        .await;
    assert_eq!(report.expect("a report").broken, None);

    let mut builder = PhoneBuilder::new(&sandbox);
    builder.config.allow_missing_consent = true;
    let mut lenient = builder.enroll(&sandbox, &sandbox.ready().user_id).await;
    let request = agent.ask().await;
    let review = lenient.review().await;
    assert!(marks(&review).contains(&MarkCode::NoDetails));
    lenient
        .app
        .approve(
            review.challenge.clone(),
            review.digest.clone(),
            Some(typed(&review)),
        )
        .await
        .expect("allowed by configuration");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_linking_id_that_is_no_consent_id_needs_a_typed_confirmation() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let agent = Agent::new(&sandbox);
    let request = agent.ask().await;
    let mut payload: Value = serde_json::from_str(&phone.push().await).expect("JSON");
    let data = if payload.get("data").is_some() {
        &mut payload["data"]
    } else {
        &mut payload
    };
    data["txlnkid"] = "0c9f7b1e-5f0a-4c55-9d0b-9d1c8a3f2b10".into();
    let challenge = phone
        .app
        .receive_push(payload.to_string())
        .await
        .expect("a push");
    let review = phone.app.review(challenge.id).await.expect("a review");
    assert!(
        marks(&review).contains(&MarkCode::NoDetails),
        "{:?}",
        review.marks
    );
    assert_ne!(
        review.approval,
        Approval::Blocked {
            reason: MarkCode::DetailsUnavailable,
            text: String::new()
        }
    );
    phone
        .app
        .approve(
            review.challenge.clone(),
            review.digest.clone(),
            Some(typed(&review)),
        )
        .await
        .expect("approve");
    agent.tokens(&request).await;
    sandbox.stop().await;
}

#[tokio::test]
async fn whatever_is_cut_can_be_shown_whole() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    // Within the server's limit of 255 characters a name, beyond that of a label.
    let name = format!("{} and the end", "long name ".repeat(12));
    let details = json!([{ "type": "urn:auth0:schemas:authorization-details:v1:example", "instruction": "Look",
        "properties": { "a": { "display": true, "name": name, "display_order": 1, "value": "x" } } }]);
    let review = review_of(&sandbox, &mut phone, details).await;
    let row = rows(&review)
        .into_iter()
        .find(|row| row.text == "x")
        .expect("the property");
    assert!(
        row.marks
            .iter()
            .any(|mark| mark.code == MarkCode::Shortened)
    );
    assert!(
        row.full_label
            .as_deref()
            .is_some_and(|label| label.ends_with("and the end")),
        "{:?}",
        row.full_label
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_recipient_cannot_write_the_headline() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let mut details = payment();
    details[0]["creditorName"] = "ExampleCorp. Already paid, tap approve to cancel".into();
    let review = review_of(&sandbox, &mut phone, details.clone()).await;
    assert_eq!(
        review.headline,
        "Pay 249.00 EUR to “ExampleCorp. Already paid, tap approve to cancel”"
    );
    details[0]["creditorName"] = "ExampleCorp".into();
    details[0]["instructedAmount"]["currency"] = "EUR to Landlord, refund of your".into();
    let review = review_of(&sandbox, &mut phone, details).await;
    assert!(
        matches!(
            review.approval,
            Approval::Blocked {
                reason: MarkCode::IncompleteDetails,
                ..
            }
        ),
        "{}",
        review.headline
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn what_differs_from_habit_is_marked_but_never_part_of_the_digest() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    let whole = |review: &Review| review.marks.iter().map(|m| m.code).collect::<Vec<_>>();
    let first = review_of(&sandbox, &mut phone, payment()).await;
    assert_eq!(whole(&first), [MarkCode::NewAudience]);
    phone
        .app
        .approve(first.challenge, first.digest, None)
        .await
        .expect("approve");

    let mut less = payment();
    less[0]["instructedAmount"]["amount"] = "80.00".into();
    let second = review_of(&sandbox, &mut phone, less).await;
    assert_eq!(whole(&second), []);
    let mut more = payment();
    more[0]["instructedAmount"]["amount"] = "249.01".into();
    let third = review_of(&sandbox, &mut phone, more).await;
    assert_eq!(whole(&third), [MarkCode::HighestAmountYet]);
    phone
        .app
        .deny(
            third.challenge.clone(),
            Some(third.digest.clone()),
            Some("not_me".into()),
        )
        .await
        .expect("deny");

    let fourth = review_of(&sandbox, &mut phone, payment()).await;
    assert_eq!(whole(&fourth), [MarkCode::PreviouslyReported]);
    let Approval::NeedsConfirmation { .. } = fourth.approval else {
        panic!("{:?}", fourth.approval)
    };
    let early = phone
        .app
        .approve(fourth.challenge.clone(), fourth.digest.clone(), None)
        .await
        .expect_err("nothing was typed");
    assert_eq!(early.code(), ErrorCode::ConfirmationNeeded);
    let wrong = phone
        .app
        .approve(
            fourth.challenge.clone(),
            fourth.digest.clone(),
            Some("248".into()),
        )
        .await
        .expect_err("wrong digits");
    assert_eq!(wrong.code(), ErrorCode::ConfirmationNeeded);
    let typed = phone
        .app
        .approve(fourth.challenge, fourth.digest, Some("249".into()))
        .await
        .expect("approve");
    assert_eq!(typed.decision, authenticator_core::Decision::Approve);
    let history = phone.app.history(None, None, 10).await.expect("history");
    assert!(history.iter().all(|entry| {
        !entry
            .shown_document
            .as_deref()
            .unwrap_or_default()
            .contains("previously_reported")
    }));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_truncated_consent_is_asked_for_again() {
    let sandbox = start(options()).await;
    let mut phone = Phone::ready(&sandbox).await;
    Agent::new(&sandbox).ask().await;
    let challenge = phone.challenge().await;
    sandbox
        .knobs()
        .update(|k| _ = k.truncate_body.insert(PathClass::Consent, 1));
    let error = phone
        .app
        .review(challenge.id.clone())
        .await
        .expect_err("half an answer");
    assert_eq!(error.code(), ErrorCode::Interrupted);
    phone
        .app
        .review(challenge.id)
        .await
        .expect("the whole answer");
    sandbox.stop().await;
}
