//! Faults in the list of tools: one bad tool hides itself alone, and no list goes on for ever.

use mcpstore_testkit::faults::fault;
use mcpstore_transport::{CallError, CallLimits, list_tools};

use crate::faults_support::{Neighbour, start_fault, works_on};
use crate::support::{LONG, start};

const LIMITS: CallLimits = CallLimits::within(LONG);

#[tokio::test]
async fn a_bad_tool_hides_itself_alone() {
    let good = start("").await;
    let all = list_tools(&*good.session, LIMITS).await.unwrap();
    let server = start_fault("bad-tool").await;
    let list = list_tools(&*server.session, LIMITS).await.unwrap();
    assert_eq!(list.hidden.len(), 1);
    let names = |tools: &[mcpstore_transport::Tool]| tools.iter().map(|tool| tool.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&list.tools), names(&all.tools));
    works_on(&server).await;
    server.end().await;
    good.end().await;
}

#[tokio::test]
async fn a_list_that_is_new_each_time_is_what_it_is_each_time() {
    let server = start_fault("new-list-each-time").await;
    for n in 0..3 {
        let list = list_tools(&*server.session, LIMITS).await.unwrap();
        let new: Vec<_> = list.tools.iter().filter(|tool| tool.name.starts_with("new-")).collect();
        assert_eq!((new.len(), new[0].name.clone()), (1, format!("new-{n}")));
    }
    server.end().await;
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let neighbour = Neighbour::start().await;
    for (name, word) in [("endless-cursor", "pages"), ("same-cursor", "same cursor")] {
        let server = start_fault(name).await;
        let (outcome, ()) = tokio::join!(list_tools(&*server.session, LIMITS), neighbour.is_well());
        assert!(matches!(&outcome, Err(CallError::Malformed { what }) if what.contains(word)), "{name}: {outcome:?}");
        works_on(&server).await;
        server.end().await;
    }
    neighbour.end().await;
}

#[tokio::test]
async fn long_lists_and_long_descriptions_come_whole_within_the_bounds() {
    let server = start_fault("ten-thousand-tools").await;
    let list = list_tools(&*server.session, LIMITS).await.unwrap();
    assert_eq!(list.tools.iter().filter(|tool| tool.name.starts_with("tool-")).count(), 10_000);
    server.end().await;
    let server = start_fault("huge-descriptions").await;
    let list = list_tools(&*server.session, LIMITS).await.unwrap();
    assert!(list.tools.iter().all(|tool| tool.description.as_ref().is_some_and(|text| text.len() > 700_000)));
    server.end().await;
    // All on one page, they are more than a line may have.
    let server = start_fault("descriptions-of-a-megabyte").await;
    let outcome = list_tools(&*server.session, LIMITS).await;
    assert!(matches!(&outcome, Err(CallError::Malformed { what }) if what.contains("16777216")), "{outcome:?}");
    works_on(&server).await;
    server.end().await;
}

#[tokio::test]
async fn definitions_that_change_between_starts_are_told_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let server = start(&fault("changed-definitions").flags.replace("FILE", &state)).await;
        let list = list_tools(&*server.session, LIMITS).await.unwrap();
        // Raw, so that whoever pins definitions sees every byte of them.
        seen.push(list.tools.iter().find(|tool| tool.name == "echo").unwrap().raw.get().to_owned());
        server.end().await;
    }
    assert!(seen[0].contains("since start 1") && seen[1].contains("since start 2"), "{seen:?}");
}
