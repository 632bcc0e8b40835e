//! What waits for a thread: each address has its turn, so that nobody's many keep another's few
//! waiting, and what hardly anybody waits for comes last.
//!
//! ```text
//!   put ─▶ a line for each address ─▶ in turn ──▶ take
//!                                        ▲ when all of those are empty
//!   put_last ───────────────────▶ last ──┘
//! ```

use std::collections::{HashMap, VecDeque};

use parking_lot::{Condvar, Mutex};

/// A bounded queue. Putting something in never waits; taking does.
pub struct Turns<T> {
    max: usize,
    state: Mutex<State<T>>,
    come: Condvar,
}

struct State<T> {
    /// What waits, by whose it is; none is empty.
    lines: HashMap<u128, VecDeque<T>>,
    /// Whose turn it is.
    order: VecDeque<u128>,
    last: VecDeque<T>,
    len: usize,
    is_closed: bool,
}

/// What became of something that was put in.
#[derive(Debug, PartialEq, Eq)]
pub enum Put<T> {
    Waits,
    /// It waits, in the place of this.
    InPlaceOf(T),
    /// There is no room for more of theirs.
    Full,
}

impl<T> Turns<T> {
    pub fn new(max: usize) -> Turns<T> {
        let (lines, order, last) = (HashMap::new(), VecDeque::new(), VecDeque::new());
        let state = State { lines, order, last, len: 0, is_closed: false };
        Turns { max, state: Mutex::new(state), come: Condvar::new() }
    }

    /// Lets something of somebody's wait. Where there is no room, what would come last makes it: of
    /// what comes last anyway, or of who has the most there.
    pub fn put(&self, whose: u128, one: T) -> Put<T> {
        let mut state = self.state.lock();
        let put = match state.len < self.max {
            true => Put::Waits,
            false => match state.make_room(whose) {
                Some(other) => Put::InPlaceOf(other),
                None => return Put::Full,
            },
        };
        let State { lines, order, len, .. } = &mut *state;
        let line = lines.entry(whose).or_default();
        if line.is_empty() {
            order.push_back(whose);
        }
        line.push_back(one);
        *len += 1;
        drop(state);
        self.come.notify_one();
        put
    }

    /// Lets what was taken wait until there is nothing else.
    pub fn put_last(&self, one: T) {
        let mut state = self.state.lock();
        state.last.push_back(one);
        state.len += 1;
        drop(state);
        self.come.notify_one();
    }

    /// Waits for the next. `None`: it is closed, and empty.
    pub fn take(&self) -> Option<T> {
        let mut state = self.state.lock();
        loop {
            if let Some(one) = state.next() {
                return Some(one);
            }
            if state.is_closed {
                return None;
            }
            self.come.wait(&mut state);
        }
    }

    /// Nothing more will come.
    pub fn close(&self) {
        self.state.lock().is_closed = true;
        self.come.notify_all();
    }
}

impl<T> State<T> {
    fn next(&mut self) -> Option<T> {
        let one = match self.order.pop_front() {
            None => self.last.pop_front()?,
            Some(whose) => {
                let line = self.lines.get_mut(&whose)?;
                let one = line.pop_front()?;
                match line.is_empty() {
                    true => drop(self.lines.remove(&whose)),
                    false => self.order.push_back(whose),
                }
                one
            }
        };
        self.len -= 1;
        Some(one)
    }

    /// What goes for one more of somebody's, unless theirs are the most.
    fn make_room(&mut self, whose: u128) -> Option<T> {
        if let Some(one) = self.last.pop_back() {
            self.len -= 1;
            return Some(one);
        }
        let own = self.lines.get(&whose).map_or(0, VecDeque::len);
        let longest = self.lines.values_mut().max_by_key(|line| line.len())?;
        // Of one that has no more than one more, nothing is taken: that would be no fairer.
        if longest.len() <= own + 1 {
            return None;
        }
        self.len -= 1;
        longest.pop_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_turn() {
        let turns = Turns::new(9);
        for (whose, one) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (3, "c2")] {
            assert_eq!(turns.put(whose, one), Put::Waits);
        }
        turns.put_last("z");
        let taken = (0..7).map(|_| turns.take().unwrap()).collect::<Vec<_>>();
        assert_eq!(taken, ["a1", "b1", "c1", "a2", "c2", "a3", "z"]);
        turns.put_last("y");
        turns.close();
        assert_eq!((turns.take(), turns.take()), (Some("y"), None));
    }

    #[test]
    fn who_has_the_most_makes_room() {
        let turns = Turns::new(4);
        for one in ["a1", "a2", "a3", "a4"] {
            turns.put(1, one);
        }
        assert_eq!(turns.put(1, "a5"), Put::Full);
        assert_eq!(turns.put(2, "b1"), Put::InPlaceOf("a4"));
        assert_eq!(turns.put(2, "b2"), Put::InPlaceOf("a3"));
        assert_eq!(turns.put(2, "b3"), Put::Full, "they have the same");
        assert_eq!(turns.take(), Some("a1"));
        turns.put_last("a1");
        assert_eq!(turns.put(1, "a6"), Put::InPlaceOf("a1"), "what comes last goes first");
        let taken = (0..4).map(|_| turns.take().unwrap()).collect::<Vec<_>>();
        assert_eq!(taken, ["b1", "a2", "b2", "a6"]);
    }
}
