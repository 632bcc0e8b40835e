//! The events of a stream: how they are added and handed out, and which go when they are too many.

use super::{Event, Kind, Reading, State};
use crate::limits;

impl State {
    pub(super) fn tell(&mut self) {
        if !self.told
            && let Some(reader) = &self.reader
        {
            self.told = true;
            reader.tell();
        }
    }

    pub(super) fn push(&mut self, kind: Kind, data: Vec<u8>, keeps: bool) {
        let mut unsent = self.events.range(self.sent..);
        match kind {
            Kind::Notice if unsent.any(|event| event.data == data) => return,
            Kind::Progress(_)
                if unsent.filter(|event| event.kind == kind).count()
                    >= limits::PROGRESS_UNSENT_MAX =>
            {
                self.drop_unsent(|other| other == kind, true);
            }
            _ => {}
        }
        self.append(kind, data);
        while self.events.len() > self.bounds.events || self.bytes > self.bounds.bytes {
            if self.sent > 0 {
                self.take_front();
            } else if !self.drop_unsent(|kind| matches!(kind, Kind::Progress(_)), false)
                && !self.drop_unsent(|kind| kind == Kind::Log, false)
            {
                if !self.is_line {
                    self.cut(keeps);
                } else if keeps && self.bytes > limits::LINE_EXCESS * self.bounds.bytes {
                    // Over stdio whoever writes is waited for; over HTTP nobody may ever read.
                    self.cut(false);
                }
                break;
            }
        }
    }

    /// Nothing of little worth is left: the client is to come back for what is kept, which it can
    /// only within a session.
    fn cut(&mut self, keeps: bool) {
        self.cut = true;
        if !keeps {
            self.events.clear();
            self.bytes = 0;
            self.over = true;
        }
        while self.events.len() > self.bounds.events || self.bytes > self.bounds.bytes {
            self.take_front();
        }
    }

    pub(super) fn append(&mut self, kind: Kind, data: Vec<u8>) {
        self.bytes += data.len();
        self.events.push_back(Event { number: self.next, kind, data });
        self.next += 1;
    }

    pub(super) fn take_front(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.sent = self.sent.saturating_sub(1);
        self.bytes -= event.data.len();
        Some(event)
    }

    /// Whether what waits to be sent is within the bounds.
    pub(super) fn has_room(&self) -> bool {
        let unsent = self.events.range(self.sent..);
        unsent.len() <= self.bounds.events
            && (self.bytes <= self.bounds.bytes
                || unsent.map(|event| event.data.len()).sum::<usize>() <= self.bounds.bytes)
    }

    /// Drops the oldest or the newest unsent event of a kind, if there is one.
    fn drop_unsent(&mut self, wanted: impl Fn(Kind) -> bool, newest: bool) -> bool {
        let mut found = (self.sent..self.events.len()).filter(|at| wanted(self.events[*at].kind));
        let at = if newest { found.next_back() } else { found.next() };
        let Some(event) = at.and_then(|at| self.events.remove(at)) else { return false };
        self.bytes -= event.data.len();
        true
    }

    /// Hands out the unsent events, as long as `each` says that there is room; `keeps` them for
    /// whoever comes back.
    pub(super) fn read(
        &mut self,
        now_ms: u64,
        keeps: bool,
        mut each: impl FnMut(&Event) -> bool,
    ) -> Reading {
        while let Some(event) = self.events.get(self.sent) {
            let kind = event.kind;
            if matches!(kind, Kind::Progress(_)) && !self.progress.take(now_ms) {
                let behind = self.events.range(self.sent + 1..);
                if behind.clone().any(|event| event.kind == kind) {
                    // There is later progress, which says more.
                    self.drop_unsent(|other| other == kind, false);
                    continue;
                }
                if behind.len() == 0 {
                    // Told, as far as those who push are concerned: the reader comes by itself.
                    self.told = true;
                    return Reading::Later(self.progress.next_ms());
                }
            }
            if kind == Kind::HangUp {
                self.events.remove(self.sent);
                self.reader = None;
                return Reading::HungUp;
            }
            let room = each(&self.events[self.sent]);
            self.position = self.events[self.sent].number;
            self.sent += 1;
            if !keeps {
                self.take_front();
            }
            if !room && self.sent < self.events.len() {
                self.told = true;
                return Reading::Full;
            }
        }
        if self.over { Reading::Ended } else { Reading::Waiting }
    }
}
