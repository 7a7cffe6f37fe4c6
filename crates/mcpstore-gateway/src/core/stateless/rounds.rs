//! Requests that may take several rounds (spec: MCP 2026-07-28, multi round-trip requests).
//!
//! A server of this era asks in its results, and they pass; only what the client carries for it is bound to the client. A
//! server with a handshake asks in requests of its own: its work is parked, and the client gets the result that such a
//! server would have given in this era.

use std::sync::Arc;

use bytes::Bytes;
use mcpstore_transport::RpcError;
use mcpstore_types::ServiceName;
use serde_json::value::RawValue;

use super::super::levels::Wish;
use super::super::params::{Peek, invalid};
use super::super::{Inner, stamp};
use super::carried::Carried;
use super::edit::Edit;
use super::job::{Job, Pause, Target};
use super::mirror;
use super::results::{self, Look};
use super::teller::Teller;
use super::{addresses, route, tasks};
use crate::seam::Call;

/// Answers `tools/call`, `prompts/get` or `resources/read`.
pub(super) async fn answer(
    inner: &Arc<Inner>,
    call: &Call,
    peek: &Peek<'_>,
    can: &RawValue,
) -> Result<Bytes, RpcError> {
    let led = inner.find(|names| route::of(names, call, peek)).await?;
    mirror::check(inner, call, peek, &led.subject)?;
    let teller = Teller::new(call.outlet.clone(), peek)?;
    let _wish = wish(inner, &teller, &led.service).await;
    let subject = led.subject.clone();
    let owner = || owner(call, &subject);
    let carrier = &inner.stateless.carrier;
    let brought = peek.request_state.map(|state| carrier.take(&owner(), state, inner.supervisor.now())).transpose()?;
    let mut job = match brought {
        Some(Carried::Parked(place)) => {
            call.trail.goes_to(&led.service, Some(&led.subject), peek.arguments, peek.client());
            let job = inner.stateless.parking.take(place);
            let job = job.ok_or_else(|| invalid("the request that `requestState` belongs to is over"))?;
            if let Err(bad) = job.questions.answer(peek.input_responses) {
                // It may still be done better: the state that it has is as good as before.
                inner.stateless.parking.put_back(place, job, &call.peer.principal, &inner.under_way);
                return Err(bad);
            }
            job
        }
        Some(Carried::Servers(state)) => {
            Job::begin(inner, call, led.target(call, peek, Some(state)), can, teller.token())
        }
        None => Job::begin(inner, call, led.target(call, peek, None), can, teller.token()),
    };
    let requests = loop {
        match job.wait(&teller).await {
            Pause::Over(outcome) => return finished(inner, call, (&owner, can), &job, outcome),
            // Unless it was taken back in this moment.
            Pause::Asks => {
                if let Some(requests) = job.questions.requests() {
                    break requests;
                }
            }
        }
    };
    let place = inner.stateless.parking.park(job, &call.peer.principal, &inner.under_way);
    let state = carrier.give(&owner(), &Carried::Parked(place), inner.supervisor.now())?;
    let stamp = stamp();
    let result = format!(
        r#"{{"resultType":"input_required","inputRequests":{requests},"requestState":{state},"_meta":{stamp}}}"#
    );
    Ok(result.into())
}

/// Answers a request in which nothing may be asked.
pub(super) async fn once(
    inner: &Arc<Inner>,
    call: &Call,
    peek: &Peek<'_>,
    can: &RawValue,
    target: Target,
) -> Result<Bytes, RpcError> {
    let teller = Teller::new(call.outlet.clone(), peek)?;
    let _wish = wish(inner, &teller, &target.service).await;
    let mut job = Job::begin(inner, call, target, can, teller.token());
    match job.wait(&teller).await {
        Pause::Over(outcome) => finished(inner, call, (&String::new, can), &job, outcome),
        Pause::Asks => Err(RpcError::new(-32603, format!("its server asks something during `{}`", call.method))),
    }
}

/// Has log messages come from a server that is told once and for all what to say, where the client wants some.
async fn wish(inner: &Arc<Inner>, teller: &Teller, service: &ServiceName) -> Option<Wish> {
    Some(inner.wish_level(service, teller.least()?).await)
}

/// What the client gets.
fn finished(
    inner: &Inner,
    call: &Call,
    (owner, can): (&dyn Fn() -> String, &RawValue),
    job: &Job,
    outcome: Result<Bytes, RpcError>,
) -> Result<Bytes, RpcError> {
    let lacked = job.questions.lacked();
    let result = match (outcome, lacked.is_some()) {
        (Ok(result), false) if results::is_complete(&result) && &*call.method != "resources/read" => return Ok(result),
        (Ok(result), _) => result,
        (Err(error), false) if error.code == addresses::NEEDED => return addresses::asked(error, can),
        (Err(error), _) => return Err(lacked.unwrap_or_else(|| route::in_new_words(error))),
    };
    // What is no object is not ours to mend.
    let Some(look) = Look::at(&result) else { return Ok(result) };
    if let Some(lacked) = lacked.filter(|_| look.is_failure()) {
        return Err(lacked);
    }
    if look.result_type.as_deref() == Some("task") {
        return Ok(tasks::begun(inner, &call.peer, &job.service, result.clone()));
    }
    if let (Some("input_required"), Some(state)) = (look.result_type.as_deref(), look.request_state) {
        let carried = Carried::Servers(state.get().to_owned());
        let ours = inner.stateless.carrier.give(&owner(), &carried, inner.supervisor.now())?;
        let whole: &RawValue =
            serde_json::from_slice(&result).map_err(|error| RpcError::new(-32603, error.to_string()))?;
        let mut edit = Edit::of(whole);
        edit.replace(state, ours);
        return Ok(String::from(Box::<str>::from(edit.done())).into());
    }
    let is_whole = look.result_type.as_deref().is_none_or(|kind| kind == "complete");
    Ok(results::completed(result.clone(), &look, is_whole && &*call.method == "resources/read"))
}

/// To whom a state is given, and for what: nobody else may bring it, nor with another request.
fn owner(call: &Call, subject: &str) -> String {
    let view = call.peer.view.as_deref().unwrap_or_default();
    format!("{}\n{view}\n{}\n{subject}", call.peer.principal, call.method)
}
