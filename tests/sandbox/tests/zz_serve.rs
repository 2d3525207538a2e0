//! Throwaway.
mod test_phone;
use sandbox::StartRequest;
use serde_json::json;
use test_phone::*;
#[tokio::test(flavor = "multi_thread")]
async fn serve() {
    let Ok(f) = std::env::var("SERVE") else { return };
    let s = sandbox(|o| { o.per_user_limit = None; o.listen = "127.0.0.1:8300".parse().unwrap(); o.console_listen = "127.0.0.1:8301".parse().unwrap(); }).await;
    let mut phone = TestPhone::enroll(&s).await;
    let go = |m: &str, d: Option<&str>| s.start_request(StartRequest { binding_message: m.into(), details: d.map(Into::into), ..Default::default() }).unwrap();
    go("Login 83-52", None);
    let _ = phone.push(&s).await;
    s.advance(std::time::Duration::from_secs(400));
    go("Transfer TX-4711", Some(r#"[{"type":"money_transfer","instructedAmount":{"amount":2500,"currency":"USD"},"beneficiary":"Hanna Herwitz"}]"#));
    let p = phone.push(&s).await;
    phone.consent(&p).await;
    println!("{}", phone.answer(&p, false, json!({"auth0_guardian_reason":"not me"})).await.status());
    let st = go("Order 4711", Some(r#"[{"type":"payment_initiation","actions":["initiate","status"],"locations":["https://api.bank.example/payments"],"instructedAmount":{"currency":"EUR","amount":"249.00"},"creditorName":"ExampleCorp","creditorAccount":{"iban":"DE02120300000000202051"},"remittanceInformationUnstructured":"Invoice 2026-0815"}]"#));
    let p = phone.push(&s).await;
    phone.consent(&p).await;
    println!("{}", phone.answer(&p, true, json!({"urn:authenticator-core:consent":{"v":1,"reviewed":true,"source":"9Hx0m1gRkQ","shown":"c2hvd24tZGlnZXN0","renderer":"authenticator-core/1","locale":"en","zone":"Europe/Madrid"}})).await.status());
    let r = s.ready();
    http().post(format!("{}/oauth/token", s.origin())).form(&[("grant_type","urn:openid:params:grant-type:ciba"),("auth_req_id",&st.auth_req_id),("client_id",&r.client_id),("client_secret",&r.client_secret)]).send().await.unwrap();
    std::fs::write(&f, s.console_url()).unwrap();
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        if !std::path::Path::new(&f).exists() { break; }
    }
}
