//! The shapes in which an alert is told: one file per service, each within that service's limits.
//!
//! Nothing in an alert may act: no link, no mention of anybody, no markup that its text brings along.

mod dingtalk;
mod discord;
mod feishu;
mod generic;
#[cfg(test)]
mod limits;
mod ntfy;
mod slack;
#[cfg(test)]
mod tests;
mod wecom;
pub(crate) mod words;

use mcpstore_types::WebhookTemplate;
use serde_json::Value;

use crate::alert::Alert;

pub(crate) use generic::body as generic;

/// What is posted for an alert. Whatever needs the address or the key of the sink is added by the sink: the topic of
/// ntfy, the signature of Feishu.
pub(crate) fn body(template: WebhookTemplate, alert: &Alert) -> Value {
    match template {
        WebhookTemplate::Generic => generic::body(alert),
        WebhookTemplate::Slack => slack::body(alert),
        WebhookTemplate::Discord => discord::body(alert),
        WebhookTemplate::Feishu => feishu::body(alert),
        WebhookTemplate::DingTalk => dingtalk::body(alert),
        WebhookTemplate::WeCom => wecom::body(alert),
        WebhookTemplate::Ntfy => ntfy::body(alert),
    }
}
