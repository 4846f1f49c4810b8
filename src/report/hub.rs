//! The hub: one sender, several listeners, and a listener that keeps what it hears.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, ReportError, Subscriber};

/// Hands every event to every subscriber, in the order in which they were added.
///
/// A subscriber that fails hears nothing more and its error is returned once; the others still get that event and
/// all later ones, so that a full disk under one file does not cost the rest.
#[derive(Default)]
pub struct Hub {
    listeners: Vec<Listener>,
    closed: bool,
}

struct Listener {
    subscriber: Box<dyn Subscriber + Send>,
    failed: bool,
}

impl Hub {
    /// A hub that nobody listens to yet.
    pub fn new() -> Hub {
        Hub::default()
    }

    /// Adds a subscriber; it hears what is sent from now on.
    pub fn add(&mut self, subscriber: impl Subscriber + Send + 'static) -> &mut Hub {
        self.listeners.push(Listener { subscriber: Box::new(subscriber), failed: false });
        self
    }

    /// Sends one event. After [`Hub::close`] nobody listens.
    ///
    /// # Errors
    /// Those of the subscribers that failed at this event (the file is named). The event reached all the others.
    pub fn send(&mut self, event: Event) -> Result<(), ReportError> {
        if self.closed {
            return Ok(());
        }
        let mut errors = Vec::new();
        for listener in self.listeners.iter_mut().filter(|l| !l.failed) {
            if let Err(error) = listener.subscriber.on(&event) {
                listener.failed = true;
                errors.push(error);
            }
        }
        together(errors)
    }

    /// Flushes and closes all subscribers; a second call does nothing. Dropping the hub does the same, silently.
    ///
    /// # Errors
    /// Those of the subscribers that could not be closed and had not failed before.
    pub fn close(&mut self) -> Result<(), ReportError> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        let mut errors = Vec::new();
        for listener in &mut self.listeners {
            match listener.subscriber.close() {
                Err(error) if !listener.failed => errors.push(error),
                _ => {}
            }
        }
        together(errors)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.close();
    }
}

/// No error, the error, or all of them as one.
fn together(mut errors: Vec<ReportError>) -> Result<(), ReportError> {
    match errors.len() {
        0 => Ok(()),
        1 => Err(errors.remove(0)),
        _ => Err(ReportError::Several(errors)),
    }
}

/// Keeps every event; clones share what they keep, so one goes into the hub and one stays with the asker.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Recorder {
    /// An empty one.
    pub fn new() -> Recorder {
        Recorder::default()
    }

    /// What was heard so far.
    pub fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Subscriber for Recorder {
    fn on(&mut self, event: &Event) -> Result<(), ReportError> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Fails at every event, and when closed; counts its calls.
    struct Broken(Arc<AtomicUsize>, &'static str);

    impl Broken {
        fn error(&self) -> ReportError {
            crate::files::FileError::write(Path::new(self.1))(io::Error::other("disk on fire")).into()
        }
    }

    impl Subscriber for Broken {
        fn on(&mut self, _: &Event) -> Result<(), ReportError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(self.error())
        }
        fn close(&mut self) -> Result<(), ReportError> {
            self.0.fetch_add(100, Ordering::Relaxed);
            Err(self.error())
        }
    }

    fn note() -> Event {
        Event::Note("n".into())
    }

    #[test]
    fn a_failed_subscriber_is_reported_once_and_costs_the_others_nothing() {
        let (before, after, calls) = (Recorder::new(), Recorder::new(), Arc::new(AtomicUsize::new(0)));
        let mut hub = Hub::new();
        hub.add(before.clone()).add(Broken(calls.clone(), "a.csv")).add(after.clone());
        let error = hub.send(note()).unwrap_err().to_string();
        assert_eq!(error, "cannot write a.csv: disk on fire");
        assert!(hub.send(note()).is_ok());
        assert!(hub.close().is_ok());
        assert_eq!((before.events().len(), after.events().len()), (2, 2));
        assert_eq!(calls.load(Ordering::Relaxed), 101, "one event, one close");
    }

    #[test]
    fn errors_of_several_subscribers_are_all_named() {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut hub = Hub::new();
        hub.add(Broken(calls.clone(), "a.csv")).add(Broken(calls, "b.txt"));
        let error = hub.send(note()).unwrap_err().to_string();
        assert_eq!(error, "cannot write a.csv: disk on fire; cannot write b.txt: disk on fire");
    }

    #[test]
    fn closing_happens_once_and_ends_the_stream() {
        let (calls, recorder) = (Arc::new(AtomicUsize::new(0)), Recorder::new());
        let mut hub = Hub::new();
        hub.add(Broken(calls.clone(), "a.csv")).add(recorder.clone());
        assert!(hub.close().is_err());
        assert!(hub.close().is_ok());
        assert!(hub.send(note()).is_ok());
        drop(hub);
        assert_eq!(calls.load(Ordering::Relaxed), 100);
        assert!(recorder.events().is_empty());
    }
}
