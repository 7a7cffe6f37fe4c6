//! Tasks (spec: MCP 2025-11-25, tasks): which service has which, and whose it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mcpstore_types::ServiceName;

/// Tasks that are remembered of one client; its oldest goes first.
const MAX_OF_ONE: usize = 512;
/// Tasks that are remembered in all; the oldest goes first.
const MAX: usize = 8192;

/// The tasks that clients began.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    /// By the id that clients know.
    tasks: BTreeMap<String, Task>,
    /// The ids that clients know, by those that servers know.
    known: BTreeMap<(ServiceName, String), String>,
    /// The ids that clients know, from the oldest on.
    order: VecDeque<String>,
}

/// A task of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Who does it.
    pub(crate) service: ServiceName,
    /// What its server calls it.
    pub(crate) id: String,
    /// The serial number of the client for whom it is done. Nobody else sees it.
    pub(crate) owner: usize,
}

impl Tasks {
    /// A client began a task; the id under which it knows it. That is the server's, unless another service has one of the
    /// same id.
    pub(crate) fn enter(&self, service: &ServiceName, id: &str, owner: usize) -> String {
        let mut table = self.table();
        // A server that began anew may use an id again.
        table.remove_known(service, id);
        let mut known = id.to_owned();
        let mut more = String::new();
        while table.tasks.contains_key(&known) {
            known = format!("{id}@{service}{more}");
            more.push('\'');
        }
        table.known.insert((service.clone(), id.to_owned()), known.clone());
        table.tasks.insert(known.clone(), Task { service: service.clone(), id: id.to_owned(), owner });
        table.order.push_back(known.clone());
        table.shrink(owner);
        known
    }

    /// The task that a client knows by this id.
    pub(crate) fn find(&self, known: &str, owner: usize) -> Option<Task> {
        self.table().tasks.get(known).filter(|task| task.owner == owner).cloned()
    }

    /// The id under which its client knows a task of a service, and the serial number of that client.
    pub(crate) fn known(&self, service: &ServiceName, id: &str) -> Option<(String, usize)> {
        let table = self.table();
        let known = table.known.get(&(service.clone(), id.to_owned()))?;
        Some((known.clone(), table.tasks.get(known)?.owner))
    }

    /// The services that have tasks of a client, by name.
    pub(crate) fn services(&self, owner: usize) -> Vec<ServiceName> {
        let table = self.table();
        let mut own: Vec<_> =
            table.tasks.values().filter(|task| task.owner == owner).map(|t| t.service.clone()).collect();
        own.sort();
        own.dedup();
        own
    }

    /// The client is gone, and what it began is nobody's.
    pub(crate) fn forget(&self, owner: usize) {
        let mut table = self.table();
        let gone: Vec<_> =
            table.tasks.iter().filter(|(_, task)| task.owner == owner).map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|known| table.remove(known));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing panics half-way under this lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn remove_known(&mut self, service: &ServiceName, id: &str) {
        if let Some(known) = self.known.get(&(service.clone(), id.to_owned())).cloned() {
            self.remove(&known);
        }
    }

    fn remove(&mut self, known: &str) {
        if let Some(task) = self.tasks.remove(known) {
            self.known.remove(&(task.service, task.id));
            self.order.retain(|other| other != known);
        }
    }

    /// One client that begins many loses its own, not those of others.
    fn shrink(&mut self, owner: usize) {
        let tasks = &self.tasks;
        let is_own = |known: &&String| tasks.get(*known).is_some_and(|task| task.owner == owner);
        let own = self.order.iter().filter(is_own).count();
        let oldest = if own > MAX_OF_ONE {
            self.order.iter().find(is_own).cloned()
        } else if self.order.len() > MAX {
            self.order.front().cloned()
        } else {
            None
        };
        if let Some(oldest) = oldest {
            self.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServiceName {
        ServiceName::new(text).unwrap()
    }

    #[test]
    fn a_task_is_its_clients_alone_and_equal_ids_do_not_meet() {
        let tasks = Tasks::default();
        assert_eq!(tasks.enter(&name("a"), "t", 1), "t");
        assert_eq!(tasks.enter(&name("b"), "t", 2), "t@b");
        let task = Task { service: name("b"), id: "t".into(), owner: 2 };
        assert_eq!((tasks.find("t@b", 2), tasks.find("t@b", 1), tasks.find("t", 2)), (Some(task), None, None));
        assert_eq!(tasks.known(&name("b"), "t"), Some(("t@b".into(), 2)));
        // The server began anew, and so did its ids.
        assert_eq!(tasks.enter(&name("a"), "t", 2), "t");
        assert_eq!((tasks.find("t", 1), tasks.services(2)), (None, vec![name("a"), name("b")]));
        tasks.forget(2);
        assert_eq!((tasks.services(2), tasks.known(&name("a"), "t")), (vec![], None));
        assert!(tasks.table().order.is_empty());
    }

    #[test]
    fn the_table_is_bounded_and_one_client_only_pushes_out_its_own() {
        let tasks = Tasks::default();
        tasks.enter(&name("a"), "first", 1);
        for n in 0..=MAX_OF_ONE {
            tasks.enter(&name("a"), &format!("t{n}"), 2);
        }
        assert!(tasks.find("first", 1).is_some() && tasks.find("t0", 2).is_none() && tasks.find("t1", 2).is_some());
        for n in 0..MAX {
            tasks.enter(&name("b"), &format!("u{n}"), 10 + n);
        }
        assert!(tasks.find("first", 1).is_none());
        let table = tasks.table();
        assert_eq!((table.order.len(), table.tasks.len(), table.known.len()), (MAX, MAX, MAX));
    }
}
