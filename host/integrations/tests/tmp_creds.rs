use stepyard_engine::outside::*;
use stepyard_integrations::*;
#[tokio::test]
async fn t() {
    let t = AwsTopics::load(AwsSettings{ endpoint_url: Some("http://127.0.0.1:1".into()), region: Some("us-east-1".into()), access_key: None }).await;
    let p = Publication { topic_arn: Some("arn:aws:sns:us-east-1:123456789012:a".into()), message: "x".into(), ..Default::default() };
    println!("{:?}", t.publish(p.clone()).await);
    let t = AwsTopics::load(AwsSettings{ endpoint_url: Some("http://127.0.0.1:1".into()), region: None, access_key: Some(AccessKey{id:"a".into(),secret:"b".into()}) }).await;
    println!("{t:?}");
    println!("{:?}", t.publish(p.clone()).await);
    let t = AwsTopics::load(AwsSettings{ endpoint_url: Some("not a url".into()), region: Some("x".into()), access_key: Some(AccessKey{id:"a".into(),secret:"bsecret".into()}) }).await;
    println!("{:?}", t.publish(p.clone()).await);
    let t = AwsTopics::load(AwsSettings{ endpoint_url: Some("http://nosuchhost.invalid".into()), region: Some("x".into()), access_key: Some(AccessKey{id:"a".into(),secret:"bsecret".into()}) }).await;
    println!("{:?}", t.publish(p).await);
}
